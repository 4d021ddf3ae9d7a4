"""What must hold between the keys of one part of a policy. Pure: each rule yields what is wrong, and where below it.

The rules run inside the schema's validators, so that no :class:`~tidegate.policy.schema.Policy` exists that breaks one.
What must hold between parts: :mod:`tidegate.policy.rules_whole`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING
from zoneinfo import available_timezones

from tidegate.model.ladder import Rung
from tidegate.model.traffic import TOTAL
from tidegate.policy.likely import likely
from tidegate.policy.problem import Loc, Problem, repeated
from tidegate.policy.quantities import percent_text
from tidegate.policy.rules_asked import quorum_of

if TYPE_CHECKING:
    from tidegate.policy.check import Check
    from tidegate.policy.failover import Failover
    from tidegate.policy.hours import Windows
    from tidegate.policy.promotion import Exposure, Promotion
    from tidegate.policy.rollback import Rollback


def promotion(part: Promotion) -> Iterator[Problem]:
    yield from _growing("steps", part.steps)
    yield from _growing("later_steps", part.later_steps or (TOTAL,))
    yield from repeated("waves", part.waves)
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
    yield from quorum_of(part.approval, ("approval",))


def _growing(name: str, steps: Sequence[int]) -> Iterator[Problem]:
    for index, (before, after) in enumerate(zip((0, *steps), steps, strict=False)):
        if after <= before:
            yield Problem(f"{name} must grow: {percent_text(after)} comes after {percent_text(before)}", (name, index))
    if steps[-1] != TOTAL:
        yield Problem(f"{name} must end at 100%, not {percent_text(steps[-1])}", (name, len(steps) - 1))


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
        for problem in repeated("from", approval.people):
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
