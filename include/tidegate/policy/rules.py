"""What must hold between the keys of a policy. Pure: each rule yields what is wrong, and where below its part.

The rules run inside the schema's validators, so that no :class:`~tidegate.policy.schema.Policy` exists that breaks one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from pydantic_core import PydanticCustomError

from tidegate.model.ladder import Rung
from tidegate.model.roles import Action, Role
from tidegate.model.traffic import TOTAL
from tidegate.policy.backups import backups_of
from tidegate.policy.consistency import consistency_of
from tidegate.policy.dependencies import dependencies_of
from tidegate.policy.likely import likely
from tidegate.policy.preview_arm import preview_of
from tidegate.policy.quantities import percent_text
from tidegate.policy.residency import residency_of
from tidegate.policy.rules_failover import failover_of
from tidegate.policy.singletons import singletons_of

if TYPE_CHECKING:
    from tidegate.policy.failover import Failover
    from tidegate.policy.schema import Check, EndpointClass, Exposure, Policy, Promotion, Roles, Rollback, Windows

Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """``at``: keys and indices from the part that the rule was given; ``key``: the key is wrong, not its value."""

    message: str
    at: Loc
    hint: str = ""
    key: bool = False


def enforce(problems: Iterable[Problem]) -> None:
    """Raise what pydantic understands, carrying every problem for whoever knows the lines."""
    found = tuple(problems)
    if found:
        text = "; ".join(p.message for p in found)
        raise PydanticCustomError("tidegate_rules", "{text}", {"text": text, "problems": found})


def promotion(part: Promotion) -> Iterator[Problem]:
    yield from _growing("steps", part.steps)
    yield from _growing("later_steps", part.later_steps or (TOTAL,))
    yield from _repeated("waves", part.waves)
    if part.alpha > 0.2:
        yield Problem("alpha is above 20%: one false alarm in five good releases is no gate", ("alpha",))
    yield from _evidence(part)
    yield from _approvals(part)


def exposure(part: Exposure) -> Iterator[Problem]:
    yield from _growing("steps", part.steps)
    for step in part.steps:
        if step not in part.evidence:
            text = percent_text(step)
            hint = f"say what the gate behind it asks for: {text}: {{requests: 100}}"
            yield Problem(f"evidence for the step {text} is missing", ("evidence",), hint, key=True)


def failover(part: Failover) -> Iterator[Problem]:
    yield from _growing("steps", part.steps)
    for problem in _growing("steps", part.admission.steps if part.admission else (TOTAL,)):
        yield Problem(problem.message, ("admission", *problem.at), problem.hint)
    asked = part.approval
    for problem in _repeated("from", asked.people):
        yield Problem(problem.message, ("approval", *problem.at))
    people = len(set(asked.people))
    if asked.quorum > people:
        yield Problem(f"a quorum of {asked.quorum} out of {people} can never be met", ("approval", "quorum"))


def _growing(name: str, steps: Sequence[int]) -> Iterator[Problem]:
    for index, (before, after) in enumerate(zip((0, *steps), steps, strict=False)):
        if after <= before:
            yield Problem(f"{name} must grow: {percent_text(after)} comes after {percent_text(before)}", (name, index))
    if steps[-1] != TOTAL:
        yield Problem(f"{name} must end at 100%, not {percent_text(steps[-1])}", (name, len(steps) - 1))


def _repeated(name: str, values: Sequence[str]) -> Iterator[Problem]:
    for index, value in enumerate(values):
        if value in values[:index]:
            yield Problem(f"{value!r} stands twice in {name}", (name, index))


def _evidence(part: Promotion) -> Iterator[Problem]:
    steps = sorted({*part.steps, *part.later_steps})
    known = ", ".join(percent_text(s) for s in steps)
    for step in steps:
        if step not in part.evidence:
            yield Problem(
                f"evidence for the step {percent_text(step)} is missing",
                ("evidence",),
                f"say what the gate behind it asks for: {percent_text(step)}: {{requests: 100}}",
                key=True,
            )
    for weight, asked in part.evidence.items():
        at = ("evidence", percent_text(weight))
        if weight not in steps:
            yield Problem(f"{percent_text(weight)} is not a step", at, f"the steps are {known}", key=True)
        if weight == TOTAL and asked.not_worse_by is not None:
            hint = "ask for it at an earlier step"
            yield Problem("at 100% the region has no stable arm to compare with", (*at, "not_worse_by"), hint, key=True)
        if asked.confidence < 0.5:
            yield Problem("a confidence below 50% is no evidence", (*at, "confidence"))


def _approvals(part: Promotion) -> Iterator[Problem]:
    asked: set[int] = set()
    for index, approval in enumerate(part.approvals):
        at: Loc = ("approvals", index)
        if approval.before not in part.steps:
            known = ", ".join(percent_text(s) for s in part.steps)
            yield Problem(
                f"{percent_text(approval.before)} is not one of promotion.steps",
                (*at, "before"),
                f"the steps are {known}",
            )
        if approval.before in asked:
            yield Problem(
                f"a second approval before {percent_text(approval.before)}",
                (*at, "before"),
                "raise the quorum of the first",
            )
        asked.add(approval.before)
        for problem in _repeated("from", approval.people):
            yield Problem(problem.message, (*at, *problem.at))
        people = len(set(approval.people))
        if approval.quorum > people:
            yield Problem(f"a quorum of {approval.quorum} out of {people} can never be met", (*at, "quorum"))


def windows(part: Windows) -> Iterator[Problem]:
    if part.zone not in available_timezones():
        hint = likely(part.zone, sorted(available_timezones())) or "like Europe/Berlin or UTC"
        yield Problem(f"there is no time zone {part.zone!r}", ("zone",), hint)
    for index, one in enumerate(part.open):
        begin, end = one.minutes
        if begin >= end:
            hint = "write a window over midnight as two: 22:00-24:00 and 00:00-02:00 of the next day"
            yield Problem(f"{one.hours} ends before it begins", ("open", index, "hours"), hint)
    for index, text in enumerate(part.blackout):
        yield from _dates(text, ("blackout", index))


def _dates(text: str, at: Loc) -> Iterator[Problem]:
    first, _, last = text.partition("..")
    try:
        if date.fromisoformat(first) > date.fromisoformat(last or first):
            yield Problem(f"{text} ends before it begins", at)
    except ValueError:
        yield Problem(f"{text} names a day that no calendar has", at)


def rollback(part: Rollback) -> Iterator[Problem]:
    for index, (before, after) in enumerate(zip((TOTAL, *part.steps), part.steps, strict=False)):
        if after >= before:
            yield Problem(
                f"steps must shrink: {percent_text(after)} comes after {percent_text(before)}", ("steps", index)
            )
    if part.steps[-1] != 0:
        yield Problem(f"steps must end at 0%, not {percent_text(part.steps[-1])}", ("steps", len(part.steps) - 1))
    yield from _ladder(part)


def _ladder(part: Rollback) -> Iterator[Problem]:
    order, rungs = list(Rung), part.ladder
    for index, (before, after) in enumerate(itertools.pairwise(rungs), start=1):
        if order.index(after) <= order.index(before):
            hint = f"the order is {', '.join(order)}"
            yield Problem(f"the rung {after.value} cannot come after {before.value}", ("ladder", index), hint)
    if rungs and Rung.TRAFFIC not in rungs:
        yield Problem("no ladder is without the rung traffic", ("ladder",), "add it")
    if not 0.5 <= part.health.confidence < 1:
        yield Problem("a confidence below 50% is no evidence", ("health", "confidence"))


def check(part: Check) -> Iterator[Problem]:
    names = (
        *("no_rows", "equal", "expect", "not_below_snapshot"),
        *("unchanged_since_snapshot", "follows", "same_on_standby", "schema_revision"),
    )
    given = [name for name in names if getattr(part, name) is not None]
    if len(given) != 1:
        yield Problem(f"give exactly one of {', '.join(names)} (given: {', '.join(given) or 'none'})", (), key=True)
    if (part.expect is None) != (part.table is None):
        yield Problem("expect and table go together", ("table" if part.table else "expect",), key=True)
    if part.arguments and part.expect is None:
        yield Problem("arguments belong to expect", ("arguments",), key=True)
    if part.follows is not None and not re.search(rf"\b{part.follows.events}\b", part.follows.rule):
        yield Problem(f"the rule does not read {part.follows.events}", ("follows", "rule"))


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
    if "other" in part.endpoints:
        yield Problem("'other' is what requests of no class are called", ("endpoints", "other"), key=True)
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
    for problem in _repeated("endpoints", judged):
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
    known = (*part.endpoints, "other")
    for name in [n for n in part.traffic.mix if n not in known]:
        yield Problem(f"there is no endpoint class {name!r}", ("traffic", "mix", name), likely(name, known), key=True)
    for name in [n for n in part.endpoints if n not in part.traffic.mix]:
        yield Problem(f"the mix says nothing of {name!r}", ("traffic", "mix"), f"add {name}: …%", key=True)


def _roles(part: Roles) -> Iterator[Problem]:
    for role in Role:
        for problem in _repeated(role.value, part.people(role)):
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
