"""What must hold between the parts of a policy. Pure, as :mod:`tidegate.policy.rules`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from tidegate.model.ladder import Rung
from tidegate.model.roles import Action, Role
from tidegate.model.traffic import OTHER, TOTAL
from tidegate.policy.backups import backups_of
from tidegate.policy.consistency import consistency_of
from tidegate.policy.dependencies import dependencies_of
from tidegate.policy.drills import drills_of
from tidegate.policy.likely import likely
from tidegate.policy.notices import notices_of
from tidegate.policy.preview_arm import preview_of
from tidegate.policy.problem import Loc, Problem, repeated
from tidegate.policy.quantities import percent_text
from tidegate.policy.requires import requires_of
from tidegate.policy.residency import residency_of
from tidegate.policy.rules_failover import failover_of
from tidegate.policy.singletons import singletons_of

if TYPE_CHECKING:
    from tidegate.policy.people import Roles
    from tidegate.policy.schema import Policy
    from tidegate.policy.service import EndpointClass


def policy(part: Policy) -> Iterator[Problem]:
    yield from _regions(part)
    yield from _endpoints(part)
    yield from _traffic(part)
    yield from _rungs(part)
    yield from _repairs(part)
    if part.migrations.irreversible == "gate" and part.migrations.approval is None:
        hint = "name people in migrations.approval"
        yield Problem("nobody is named who could be asked", ("migrations", "irreversible"), hint)
    yield from _exposure(part)
    yield from failover_of(part)
    yield from backups_of(part)
    yield from preview_of(part)
    yield from singletons_of(part)
    yield from residency_of(part)
    yield from consistency_of(part)
    yield from dependencies_of(part)
    yield from drills_of(part)
    yield from requires_of(part)
    yield from notices_of(part)
    if part.roles is not None:
        yield from _roles(part.roles)
        yield from _approvers(part, part.roles)


def _rungs(part: Policy) -> Iterator[Problem]:
    for index, rung in enumerate(part.rollback.ladder):
        if rung is Rung.FLAGS and part.drivers.flags is None:
            hint = "name a driver, or leave the rung out"
            yield Problem("the rung flags needs drivers.flags", ("rollback", "ladder", index), hint)
        if rung is Rung.SCHEMA and part.drivers.migrations is None and not part.repair:
            hint = "name a driver or a repair, or leave the rung out"
            yield Problem("the rung schema needs drivers.migrations or a repair", ("rollback", "ladder", index), hint)


def _repairs(part: Policy) -> Iterator[Problem]:
    for name, repair in part.repair.items():
        check = part.checks.get(repair.when)
        if check is None:
            yield Problem(
                f"there is no check {repair.when!r}", ("repair", name, "when"), likely(repair.when, part.checks)
            )
        elif repair.replay and check.follows is None:
            yield Problem(f"{repair.when} compares no table with its events", ("repair", name, "replay"), key=True)
        elif check.not_below_snapshot or check.unchanged_since_snapshot:
            hint = "a rollback has no snapshot of its own: name a check that stands by itself"
            yield Problem(f"{repair.when} needs a snapshot", ("repair", name, "when"), hint)
        if part.rollback.ladder and Rung.SCHEMA not in part.rollback.ladder:
            yield Problem(
                "repairs are made on the rung schema, which the ladder leaves out", ("repair", name), key=True
            )
        if (repair.sql is None) == (not repair.replay):
            yield Problem("give exactly one of sql and replay", ("repair", name), key=True)


def _exposure(part: Policy) -> Iterator[Problem]:
    if part.promotion.exposure is None:
        return
    if part.drivers.flags is None:
        yield Problem("showing by flags needs drivers.flags", ("promotion", "exposure"), "name a driver", key=True)
    if part.rollback.ladder and Rung.FLAGS not in part.rollback.ladder:
        yield Problem("who shows by flags takes back by flags first", ("rollback", "ladder"), "add the rung flags")


def _regions(part: Policy) -> Iterator[Problem]:
    total = sum(part.shares.values())
    if total != TOTAL:
        yield Problem(f"the regions' shares sum to {percent_text(total)}, expected 100%", ("regions",), key=True)
    primaries = [name for name, region in part.regions.items() if region.database == "primary"]
    if len(primaries) != 1:
        found = ", ".join(primaries) or "none"
        yield Problem(f"exactly one region has database: primary (found: {found})", ("regions",), key=True)
    yield from _known("promotion", "waves", part.promotion.waves, tuple(part.regions), "region")
    for missing in [r for r in part.regions if r not in part.promotion.waves]:
        yield Problem(f"the region {missing!r} is in no wave", ("promotion", "waves"), "waves names every region once")


def _known(part: str, name: str, values: Sequence[str], known: Sequence[str], kind: str) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value not in known:
            yield Problem(f"there is no {kind} {value!r}", (part, name, index), likely(value, known))


def _endpoints(part: Policy) -> Iterator[Problem]:
    if OTHER in part.endpoints:
        yield Problem(f"{OTHER!r} is what requests of no class are called", ("endpoints", OTHER), key=True)
    earlier: list[tuple[str, EndpointClass]] = []
    for name, endpoint in part.endpoints.items():
        for taker, first in earlier:
            methods = not first.methods or (bool(endpoint.methods) and set(endpoint.methods) <= set(first.methods))
            if methods and endpoint.prefix.startswith(first.prefix):
                hint = f"the first that matches wins: write {name} before {taker}"
                yield Problem(
                    f"no request can reach {name!r}: {taker!r} takes them", ("endpoints", name), hint, key=True
                )
                break
        earlier.append((name, endpoint))
    judged, known = part.promotion.signals.endpoints, tuple(part.endpoints)
    for problem in _known("signals", "endpoints", judged, known, "endpoint class"):
        yield Problem(problem.message, ("promotion", *problem.at), problem.hint)
    for problem in repeated("endpoints", judged):
        yield Problem(problem.message, ("promotion", "signals", *problem.at))
    yield from _asked_classes(part)


def _asked_classes(part: Policy) -> Iterator[Problem]:
    """The business signal counts, and a gate asks of, classes that are judged."""
    judged = part.judged_endpoints
    business = part.promotion.signals.business
    if business is not None and business.endpoint not in judged:
        at: Loc = ("promotion", "signals", "business", "endpoint")
        yield Problem(
            f"{business.endpoint!r} is no endpoint class that is judged", at, likely(business.endpoint, judged)
        )
    for weight, asked in part.promotion.evidence.items():
        for index, name in enumerate(asked.endpoints):
            if name not in judged:
                place: Loc = ("promotion", "evidence", percent_text(weight), "endpoints", index)
                yield Problem(f"{name!r} is no endpoint class that is judged", place, likely(name, judged))


def _traffic(part: Policy) -> Iterator[Problem]:
    if part.traffic is None:
        return
    total = sum(part.traffic.mix.values())
    if total != TOTAL:
        yield Problem(f"the mix sums to {percent_text(total)}, expected 100%", ("traffic", "mix"), key=True)
    known = (*part.endpoints, OTHER)
    for name in [n for n in part.traffic.mix if n not in known]:
        yield Problem(f"there is no endpoint class {name!r}", ("traffic", "mix", name), likely(name, known), key=True)
    for name in [n for n in part.endpoints if n not in part.traffic.mix]:
        yield Problem(f"the mix says nothing of {name!r}", ("traffic", "mix"), f"add {name}: …%", key=True)


def _roles(part: Roles) -> Iterator[Problem]:
    for role in Role:
        for problem in repeated(role.value, part.people(role)):
            yield Problem(problem.message, ("roles", *problem.at))
        if "*" in part.people(role) and len(part.people(role)) > 1:
            yield Problem(f"'*' is everybody: {role.value} needs no other name beside it", ("roles", role.value))
        for index, person in enumerate(part.people(role)):
            if person == "guard":
                yield Problem("'guard' is the standing guard's own name", ("roles", role.value, index))
    if not part.who_may(Action.REQUEST):
        yield Problem("nobody may begin an operation", ("roles",), "name somebody as operator or platform", key=True)


def _approvers(policy: Policy, roles: Roles) -> Iterator[Problem]:
    """Whom the policy asks must be allowed to answer, and enough of them must be left whoever it is that requests."""
    known = roles.who_may(Action.APPROVE)
    requesters = roles.who_may(Action.REQUEST)
    for index, approval in enumerate(policy.promotion.approvals):
        at: Loc = ("promotion", "approvals", index)
        for number, person in enumerate(approval.people):
            if not {person, "*"} & known:
                hint = likely(person, sorted(known)) or "name them in roles.approver"
                yield Problem(f"{person!r} is no approver in roles", (*at, "from", number), hint)
        left = [len({*approval.people} - {requester}) for requester in requesters]
        if requesters and "*" not in requesters and max(left) < approval.quorum:
            message = (
                f"a quorum of {approval.quorum} cannot be met: whoever may request is asked too, and never approves"
            )
            yield Problem(message, (*at, "quorum"), "name more approvers, or another operator")
