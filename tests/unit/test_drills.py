"""What the journal has of drills: which is the last good one, what was slower, when one is overdue."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tidegate.engine.drills import LAST, P95_OF, Held, flagged, fold_drills, last_good, unfinished
from tidegate.engine.readiness_drilled import judged
from tidegate.engine.readiness_item import State
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import DrillResult, Scenario, Times, Users

HOUR = 3600.0


def result(total: float = 5.0, **changes: Any) -> DrillResult:
    found = DrillResult("d", Scenario.REGION_LOSS, "shop-drill", 0.0, 1.0, times=Times(total=total))
    return replace(found, **changes)


def held(at: float, *results: DrillResult, wrong: tuple[str, ...] = (), ended: bool = True) -> Held:
    return Held(f"d-{at:g}", "shop-drill", at, "ann", ("region_loss",), results, at + 60 if ended else None, wrong)


def test_a_result_comes_back_from_its_row() -> None:
    one = result(users=Users(10, 1, 0, None), wrong=("why",), steps={"a": 1.0}, served=4.0, rto_target=60.0)
    assert DrillResult.from_json(one.to_json()) == one


def test_what_users_saw_counts_before_what_the_journal_has() -> None:
    assert result(5.0, served=61.0, rto_target=60.0).rto_met is False
    assert result(5.0, rto_target=60.0).rto_met is True
    assert result(5.0).rto_met is None


def test_an_objective_worse_than_in_each_of_the_last_ten_is_flagged() -> None:
    past = [result(float(seconds)) for seconds in range(1, LAST + 1)]
    assert flagged(result(10.5), past)
    assert not flagged(result(9.5), past)
    assert not flagged(result(10.5), past[1:]), "nine say too little"
    assert not flagged(result(10.5), [*past[1:], result(11.0)])
    assert flagged(result(10.5), [*past, result(99.0, wrong=("failed",))]), "one that failed is no measure"


def test_a_step_slower_than_its_own_p95_is_flagged() -> None:
    past = [result(steps={"cutover.promote": 1.0 + n / 100}) for n in range(P95_OF)]
    (said,) = flagged(result(steps={"cutover.promote": 1.5}), past)
    assert said.startswith("cutover.promote took 1.5 s")
    assert not flagged(result(steps={"cutover.promote": 1.1}), past)
    assert not flagged(result(steps={"cutover.promote": 1.5}), past[1:])


def test_a_drill_is_good_if_all_of_it_was() -> None:
    assert held(1, result()).ok
    assert not held(1, result(wrong=("x",))).ok
    assert not held(1).ok, "a scenario that was not come to"
    assert not held(1, result(), wrong=("interrupted",)).ok
    assert not held(1, result(), ended=False).ok
    good = held(1, result())
    assert last_good([good, held(2, result(wrong=("x",)))]) == good
    assert unfinished([good, held(2, ended=False)]) == held(2, ended=False)
    assert unfinished([held(1, ended=False), good]) is None


def test_rows_make_a_drill() -> None:
    begun = {"drill": "d-1", "environment": "shop-drill", "scenarios": ["region_loss"], "by": "ann"}
    rows = [
        _row(1, EventKind.DRILL_BEGUN, begun),
        _row(2, EventKind.DRILL_PHASE, {"drill": "d-1", "scenario": "region_loss", "phase": "fault", "wrong": []}),
        _row(3, EventKind.DRILL_MEASURED, {"drill": "d-1", "result": result().to_json()}),
        _row(4, EventKind.DRILL_PHASE, {"drill": "nobody's", "scenario": "region_loss", "phase": "fault"}),
    ]
    (running,) = fold_drills(rows)
    assert (running.phase, running.ended, running.ok) == ("region_loss: fault", None, False)
    (over,) = fold_drills([*rows, _row(5, EventKind.DRILL_ENDED, {"drill": "d-1", "wrong": []})])
    assert over.ok


def _row(seq: int, kind: EventKind, body: dict[str, Any]) -> Event:
    return Event("shop", seq, float(seq), kind, None, 1, "drill", body, "0" * 64, "0" * 64, 1)


@pytest.mark.parametrize(
    ("drills", "state", "words"),
    [
        ([], State.NEVER, "none was ever held"),
        ([held(0, result())], State.READY, "passed"),
        ([held(-40 * HOUR, result())], State.NOT_READY, "overdue"),
        ([held(-2 * HOUR, result()), held(-HOUR, result(wrong=("too slow",)))], State.NOT_READY, "too slow"),
        ([held(-HOUR, result(wrong=("too slow",))), held(0, result())], State.READY, "passed"),
        ([held(-HOUR, result(wrong=("too slow",)))], State.NOT_READY, "none passed"),
        ([held(-2 * HOUR, result()), held(-HOUR, ended=False)], State.READY, "passed"),
    ],
)
def test_readiness_asks_for_the_last_one(drills: list[Held], state: State, words: str) -> None:
    item = judged("shop", drills, 36 * HOUR, 120.0)
    assert (item.state, words in item.why) == (state, True), item
    assert bool(item.do) is (state is not State.READY)
