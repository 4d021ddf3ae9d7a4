"""PostgreSQL: which region's server takes writes, as it says itself, and how far the others are behind."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers.credentials import Credential
from tidegate.drivers.database import _repair
from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database._probe import Probes
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.database.contract import DatabaseAddress, DatabaseState, Difference, Repaired, RepairOrder
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Unreachable
from tidegate.model.projection import Projection

CONNECT_SECONDS = 2  # libpq rounds 1 up to 2
ANSWER_SECONDS = 2.0  # for the one question that is asked once connected

_PASSED_ON = {  # options of a connection that libpq is given
    *("application_name", "channel_binding", "hostaddr", "options", "passfile", "require_auth", "tcp_user_timeout"),
    *("keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval", "target_session_attrs"),
    *("sslcert", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni"),
}

_QUESTION = """
SELECT pg_is_in_recovery(),
       CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn
"""


class Settings(BaseModel):
    """``regions``: region -> ``conn://name`` of its server (URI ``postgres://user:password@host:port/database``).
    ``repairs``: the same with a log-in that may write, for repairs alone; it has to be allowed to make the schema
    ``tidegate``, where they are noted. As ``regions`` if left out."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    regions: dict[str, str] = Field(min_length=1)
    repairs: dict[str, str] = {}


@dataclass(frozen=True)
class _Answer:
    """``position``: bytes of write-ahead log written (primary) or replayed (standby), None if there are none."""

    state: DatabaseState
    position: int | None = None


class PostgresDatabase:
    """Keeps no connection: every question opens one anew, so that the answer is about now. Connections are resolved
    each time too, so a rotated secret is picked up."""

    def __init__(self, settings: Settings, site: Site) -> None:
        for what, given in (("regions", settings.regions), ("repairs", settings.repairs or settings.regions)):
            if set(given) != set(site.regions):
                raise Refused(
                    f"database {what} {sorted(given)} are not the service's regions {sorted(site.regions)}",
                    next_step=f"give drivers.database.{what} one connection per region",
                )
        self._regions, self._resolve, self._service = dict(settings.regions), site.resolve, site.service
        self._repairs = dict(settings.repairs or settings.regions)
        self._probes = Probes(settings.regions, site.resolve, lambda credential: _libpq(sqlalchemy_url(credential)))

    def observe(self) -> Mapping[str, DatabaseState]:
        """All regions at once, within four seconds if a server hangs (eight if the primary begins to hang just then).

        A standby's lag is counted from the one primary that answers, which is asked again after the standby: it may be
        too large by what was written in between, never too small.
        """
        credentials = {region: self._resolve(reference) for region, reference in self._regions.items()}
        answers = self._ask(credentials)
        writers = [region for region, answer in answers.items() if answer.state.role == "primary"]
        if len(writers) == 1 and any(a.state.role == "standby" for a in answers.values()):
            head = self._ask({writers[0]: credentials[writers[0]]})[writers[0]]
            answers = {region: _with_lag(answer, head.position) for region, answer in answers.items()}
        return {region: answer.state for region, answer in answers.items()}

    def probe(self, region: str) -> DatabaseState:
        return self._probes.probe(region)

    def primary(self) -> DatabaseAddress:
        region = the_primary(self.observe())
        return DatabaseAddress(region, sqlalchemy_url(self._resolve(self._regions[region])))

    def standbys(self) -> tuple[DatabaseAddress, ...]:
        others = [region for region, state in self.observe().items() if state.role != "primary"]
        return tuple(DatabaseAddress(region, sqlalchemy_url(self._resolve(self._regions[region]))) for region in others)

    def difference(self, projection: Projection, personal: Collection[str] = ()) -> Difference:
        return _repair.look(_libpq(self.primary().url), projection, personal)

    def repaired(self, operation: str, name: str) -> Repaired | None:
        return _repair.on_record(self._writer(), self._service, operation, name)

    def repair(self, order: RepairOrder, token: Token) -> Repaired:
        return _repair.repair(self._writer(), self._service, order, token)

    def _writer(self) -> str:
        """Asked anew each time which one is primary: a repair goes nowhere else."""
        region = self.primary().region
        return _libpq(sqlalchemy_url(self._resolve(self._repairs[region])))

    def ping(self) -> None:
        states = self.observe()
        if all(state.role == "unreachable" for state in states.values()):
            raise Unreachable(
                "no database answers: " + "; ".join(f"{s.region}: {s.why}" for s in states.values()),
                next_step="look at the servers and at the connections' addresses",
            )

    def _ask(self, credentials: Mapping[str, Credential]) -> dict[str, _Answer]:
        with ThreadPoolExecutor(len(credentials)) as pool:
            asked = {region: pool.submit(_ask_one, region, c) for region, c in credentials.items()}
            return {region: future.result() for region, future in asked.items()}


def connect(settings: Settings, site: Site) -> PostgresDatabase:
    """Raises ``Refused`` if the regions do not match. Opens no connection."""
    return PostgresDatabase(settings, site)


def sqlalchemy_url(credential: Credential) -> str:
    """``postgresql+psycopg://…`` with the secret. Raises ``Refused`` naming what is missing or may not be there."""
    _check(credential)
    login = quote(credential.login or "", safe="")
    secret = f":{quote(credential.password, safe='')}" if credential.password else ""
    port = f":{credential.port}" if credential.port else ""
    query = f"?{urlencode(dict(credential.extra))}" if credential.extra else ""
    host = f"[{credential.host}]" if ":" in credential.host else credential.host
    return f"postgresql+psycopg://{login}{secret}@{host}{port}/{quote(credential.path, safe='')}{query}"


def _libpq(url: str) -> str:
    """A SQLAlchemy URL as libpq takes it."""
    return url.replace("postgresql+psycopg:", "postgresql:", 1)


def _check(credential: Credential) -> None:
    name = credential.name
    if credential.scheme not in ("postgres", "postgresql", "postgresql+psycopg"):
        raise Refused(f"connection {name!r} is of type {credential.scheme!r}", next_step="use a postgres:// connection")
    missing = [what for what in ("host", "login", "path") if not getattr(credential, what)]
    if missing:
        words = {"host": "host", "login": "user", "path": "database"}
        raise Refused(f"connection {name!r} has no {words[missing[0]]}", next_step="write it in full")
    if unknown := sorted(set(credential.extra) - _PASSED_ON):
        raise Refused(
            f"connection {name!r} has options that libpq is not given: {', '.join(unknown)}",
            next_step=f"remove them; allowed are {', '.join(sorted(_PASSED_ON))}",
        )


def _ask_one(region: str, credential: Credential) -> _Answer:
    import psycopg

    uri = _libpq(sqlalchemy_url(credential))
    try:
        with (
            psycopg.connect(uri, connect_timeout=CONNECT_SECONDS, autocommit=True) as connection,
            cut_off(connection, ANSWER_SECONDS),
        ):
            row = connection.execute(_QUESTION).fetchone()
    except psycopg.Error as error:
        return _Answer(DatabaseState(region, "unreachable", why=_why(error, credential)))
    assert row is not None  # a SELECT without FROM has one row
    position = None if row[1] is None else int(row[1])
    return _Answer(DatabaseState(region, "standby" if row[0] else "primary"), position)


def _with_lag(answer: _Answer, head: int | None) -> _Answer:
    if answer.state.role != "standby" or answer.position is None or head is None:
        return answer
    return replace(answer, state=replace(answer.state, lag_bytes=max(0, head - answer.position)))


def _why(error: Exception, credential: Credential) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    for secret in filter(None, (credential.password, quote(credential.password or "", safe=""))):
        first = first.replace(secret, "***")
    return first[:200]
