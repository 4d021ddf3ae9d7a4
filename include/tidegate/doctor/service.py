"""One service: its drivers answer, its releases can be trusted, a guard watches, a baseline is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tidegate.doctor.finding import Finding, missing, ok, warn
from tidegate.drivers.estate import Estate
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.guarding import beat_expires_at
from tidegate.errors import TidegateError
from tidegate.journal.store import Journal
from tidegate.policy.schema import Policy


def drivers(policy: Policy, connect: Callable[[], Estate]) -> Iterator[Finding]:
    """Every system is asked whether it answers."""
    try:
        estate = connect()
    except (TidegateError, OSError, ImportError) as error:
        says = getattr(error, "message", "") or f"{type(error).__name__}: {error}"
        yield missing("driver", f"{policy.service}: {says}", "no operation can run", _look(error))
        return
    asked: dict[str, Callable[[], object]] = {
        "traffic": estate.traffic.ping,
        "metrics": estate.metrics.ping,
        "database": estate.database.ping,
        "artifacts": estate.artifacts.ping,
        **{f"compute {region}": _ping(estate, region) for region in policy.shares},
    }
    for name, ask in asked.items():
        yield _answer("driver", f"{policy.service}: {name}", ask, "operations wait, and then go back")
    why = "a release is believed only if enough trusted keys have signed it"
    yield _answer("signing keys", f"{policy.service}: index and keys", estate.artifacts.index, why)


def _ping(estate: Estate, region: str) -> Callable[[], object]:
    return lambda: estate.compute.ping(region)


def _answer(check: str, what: str, ask: Callable[[], object], why: str) -> Finding:
    try:
        ask()
    except TidegateError as error:
        return missing(check, f"{what}: {error.message}", why, _look(error))
    return ok(check, f"{what} answers" if check == "driver" else f"{what} verify")


def _look(error: Exception) -> str:
    return getattr(error, "next_step", "") or "see that it runs, and that this machine reaches it"


def watched(policy: Policy, journal: Journal, now: float) -> Iterator[Finding]:
    """What the journal says of the service. Raises :class:`~tidegate.errors.JournalError`."""
    service = policy.service
    expires = beat_expires_at(journal, service)
    if expires is not None and expires >= now:
        yield ok("guard", f"{service}: a guard is alive")
    else:
        last = "none has ever been seen" if expires is None else f"its last beat ran out {now - expires:.0f} s ago"
        mend = f"airflow dags unpause rollback__{service}, and a triggerer; or: tidegate guard {service}"
        yield missing("guard", f"{service}: {last}", "no weight grows, and nobody stops a loss", mend)
    if fold_facts(journal.events(service, kinds=FACT_KINDS)).stable is None:
        mend = f"tidegate adopt {service} VERSION --by NAME --reason WHY"
        yield missing("baseline", f"{service}: none has been adopted", "there is nothing to go back to", mend)
    lease = journal.head(service).lease
    if lease is not None and lease.expires_at < now:
        says = f"{service}: held by {lease.operation}, whose lease ran out {now - lease.expires_at:.0f} s ago"
        mend = f"tidegate break-glass {service} {lease.operation} --by NAME --reason WHY"
        yield warn("lease", says, "nobody carries that operation on", mend)
