"""How long users were without the service, in exact figures, from rows that were made up."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.support.estate import build
from tests.support.moving import moving_policy, open_move
from tidegate.engine import flights
from tidegate.engine.objectives import loss_of_its_region
from tidegate.engine.permission import GUARD
from tidegate.engine.recovery_forecast import Past, past_of
from tidegate.engine.recovery_times import recovery
from tidegate.engine.region_loss import BACK, LOST
from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind
from tidegate.model.recovery import Recovery
from tidegate.policy.schema import Policy
from tidegate.report.objectives import rpo_words, rto_words, stage_words

T = 1_000.0  # epoch seconds at which it is opened
SECTION = ("declare.measure", "declare.fence", "declare.approve", "cutover.promote", "cutover.shift")


def policy(rto: float | None = 60.0, rpo: float | None = 5.0) -> Policy:
    plain = moving_policy()
    return plain.model_copy(update={"objectives": plain.objectives.model_copy(update={"rto": rto, "rpo": rpo})})


@dataclass
class Story:
    """Rows of one operation, each at a second that the test says."""

    opening: Event
    rows: list[Event] = field(default_factory=list)
    lost: Event | None = None

    def __post_init__(self) -> None:
        self.rows.append(dataclasses.replace(self.opening, at=T))

    def by(self, requester: str) -> Story:
        body = {**self.rows[0].body, "requester": requester}
        self.rows[0] = dataclasses.replace(self.rows[0], body=body)
        return self

    def add(self, at: float, kind: EventKind, **body: Any) -> Story:
        row = dataclasses.replace(self.opening, at=T + at, kind=kind, seq=len(self.rows) + 1, body=body)
        self.rows.append(row)
        return self

    def seen(self, began: float, declared: float) -> Story:
        """A loss that began so many seconds after the opening (less than none: before), and was on record."""
        body = {"what": LOST, "id": "loss-1", "region": "east", "seen_by": ["guard", "two"], "observed_at": T + began}
        self.lost = dataclasses.replace(self.opening, at=T + declared, kind=EventKind.NOTE, body=body)
        return self

    def step(self, node: str, begin: float, end: float | None = None, **facts: Any) -> Story:
        self.add(begin, EventKind.STEP_INTENDED, node=node, verb="x", args={}, attempt=0)
        return self if end is None else self.add(end, EventKind.STEP_VERIFIED, node=node, detail="d", facts=facts)

    def gate(self, node: str, at: float) -> Story:
        return self.add(at, EventKind.GATE_OPENED, node=node, detail="d")

    @property
    def view(self) -> OperationView:
        view = fold_operation(self.rows)
        assert view is not None
        return view

    def at(self, seconds: float, past: Past | None = None) -> Recovery:
        found = recovery(self.view, self.rows, self.lost, past or Past(), T + seconds)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def openings(tmp_path_factory: pytest.TempPathFactory) -> dict[OperationKind, Event]:
    found = {}
    for kind, target in ((OperationKind.FAILOVER, None), (OperationKind.SWITCHOVER, "west")):
        rig = build(tmp_path_factory.mktemp(kind.value), policy())
        if kind is OperationKind.FAILOVER:
            rig.database.kill("east")
        view = open_move(rig, kind, target)
        (found[kind],) = rig.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_OPENED})
    return found


@pytest.fixture
def failover(openings: dict[OperationKind, Event]) -> Story:
    return Story(openings[OperationKind.FAILOVER])


@pytest.fixture
def switchover(openings: dict[OperationKind, Event]) -> Story:
    return Story(openings[OperationKind.SWITCHOVER])


def seconds(found: Recovery) -> dict[str, float]:
    return {stage.name: stage.seconds for stage in found.stages}


def carried(story: Story) -> Story:
    """By the guard, nobody asked: 0.5 s to detect and declare, back 2 s after the fault, proved 3 s later."""
    story.by(GUARD).seen(began=-0.75, declared=-0.25)
    story.step("declare.measure", 0.0, 0.25).step("declare.fence", 0.25, 0.5, fenced=True, complete=True)
    story.gate("declare.approve", 0.5).step("cutover.promote", 0.5, 1.0).step("cutover.shift", 1.0, 1.25)
    return story.gate("verify.writer", 4.25)


def test_the_stages_of_one_that_asks_nobody_sum_up_to_its_rto(failover: Story) -> None:
    found = carried(failover).add(9.25, EventKind.OPERATION_CLOSED, outcome="failed_over", why="").at(100)
    assert seconds(found) == {
        "detect": 0.5, "decide": 0.5, "human wait": 0.0, "act": 1.0, "verify": 3.0, "restore": 5.0,
    }  # fmt: skip
    assert (found.rto, found.rto_met, found.restored) == (2.0, True, 10.0)
    assert sum(stage.seconds for stage in found.stages if stage.counts) == found.gone
    assert rto_words(found) == "RTO met: 2.0 s of 60 s"
    assert (rpo_words(found), found.rpo_met) == ("RPO met: nothing that was acknowledged is lost, 5 s allowed", True)
    assert found.known_by == "the first failing probe of guard and two"
    assert "detect 0.5 s, decide 0.5 s" in stage_words(found) and "(restore 5.0 s)" in stage_words(found)


def test_it_is_not_back_before_a_write_has_proved_it(failover: Story) -> None:
    carried(failover).rows.pop()
    found = failover.at(3)
    assert (found.back, found.proved, found.rto, found.gone) == (True, False, None, 2.0)
    assert "back after 2.0 s, not proved by a write yet" in rto_words(found)
    assert failover.at(50).gone == 2.0, "the time of the proof does not count"


def test_waiting_for_people_is_told_apart(failover: Story) -> None:
    """By a person, 30 s after the loss was on record; two sign within 40 s; the RTO of 60 s is missed."""
    failover.seen(began=-31, declared=-30)
    failover.step("declare.measure", 0.5, 1).step("declare.fence", 1, 3, fenced=True, complete=False)
    failover.add(3, EventKind.APPROVAL_REQUESTED, node="declare.approve", quorum=2, expires_at=T + 903)
    waiting = failover.at(23)
    assert [s.name for s in waiting.stages if s.running] == ["human wait"]
    assert waiting.gone == 54.0
    failover.gate("declare.approve", 43).step("cutover.promote", 43, 45).step("cutover.shift", 45, 46)
    found = failover.gate("verify.writer", 47).at(48)
    assert seconds(found) == {
        "detect": 1.0, "decide": 1.0, "human wait": 70.0, "act": 5.0, "verify": 1.0, "restore": 1.0,
    }  # fmt: skip
    assert (found.gone, found.rto_met) == (77.0, False)
    assert rto_words(found) == "RTO MISSED by 17.0 s: 77.0 s of 60 s, human wait 70.0 s of it"


def test_a_pause_and_a_question_at_once_are_counted_once(failover: Story) -> None:
    failover.by(GUARD).seen(-1, 0).step("declare.measure", 0, 1).step("declare.fence", 1, 2)
    failover.add(2, EventKind.APPROVAL_REQUESTED, node="declare.approve", quorum=2, expires_at=T + 902)
    failover.add(4, EventKind.HELD, person="cat", why="look").add(10, EventKind.RESUMED, person="cat", why="on")
    assert seconds(failover.at(12))["human wait"] == 10.0


def test_nobody_saw_it_begin_and_that_is_said(failover: Story) -> None:
    found = failover.step("declare.measure", 0, 1).at(2)
    assert (found.gone, found.began) == (2.0, T)
    assert "counted from when the failover was asked for" in found.known_by
    assert "detect" not in seconds(found)


def test_it_is_missed_while_it_runs(failover: Story) -> None:
    failover.step("declare.measure", 0, 1).step("declare.fence", 1)
    assert failover.at(60).rto_met is None
    assert failover.at(60.5).rto_met is False
    assert rto_words(failover.at(60.5)).startswith("RTO 60 s MISSED: 60.5 s gone")


def test_one_that_nobody_signs_never_gave_it_back(failover: Story) -> None:
    failover.step("declare.measure", 0, 1).step("declare.fence", 1, 2)
    failover.add(2, EventKind.APPROVAL_REQUESTED, node="declare.approve", quorum=2, expires_at=T + 20)
    failover.add(22, EventKind.APPROVAL_REFUSED, node="declare.approve", person=None, why="nobody")
    found = failover.add(22.5, EventKind.OPERATION_CLOSED, outcome="turned_back", why="").at(99)
    assert (found.rto, found.rto_met, found.waited) == (None, False, 20.0)
    assert rto_words(found) == "RTO 60 s MISSED: it never gave the service back, human wait 20.0 s of it"


def test_a_switchover_takes_nothing_before_its_writer_stops(switchover: Story) -> None:
    assert switchover.at(300).gone == 0.0
    assert rto_words(switchover.at(300)).startswith("RTO 60 s: users are served; the pause of their writes: forecast")
    switchover.step("cutover.quiesce", 300, 300.5).step("cutover.fence", 300.5, 301)
    switchover.step("cutover.promote", 301, 302).gate("verify.writer", 303)
    found = switchover.at(310)
    assert (found.rto, found.rto_met, found.rpo_met) == (2.0, True, True)
    assert seconds(found)["prepare"] == 300.0
    assert [s.name for s in found.stages if not s.counts] == ["prepare", "verify", "restore"]


def test_a_switchover_that_turns_back_was_away_until_its_writer_writes_again(switchover: Story) -> None:
    switchover.step("cutover.quiesce", 10, 11).add(15, EventKind.TURNED_BACK, why="no")
    switchover.step("return.writer", 15, 16).gate("return.one-writer", 18)
    found = switchover.at(20)
    assert (found.rto, found.loss.exact) == (6.0, False)


LOSSES = {
    "fenced and on record": ({"synced": True, "behind": None}, {"fenced": True}, 0, 0.0, True),
    "on record and not fenced": ({"synced": True, "behind": None}, {"fenced": False}, None, None, None),
    "the old primary's end is known": ({"synced": False}, {"fenced": True, "complete": True}, 0, 0.0, True),
    "behind, and it still answers": ({"behind": 700, "within": 2.0}, {"fenced": True}, 700, 2.0, True),
    "only what was seen before": ({"behind": None, "at_least": 300, "within": 7.5}, {"fenced": True}, 300, 7.5, False),
    "nothing is known": ({"behind": None}, {"fenced": True}, None, None, None),
}


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_what_may_be_lost(failover: Story, name: str) -> None:
    measured, fenced, size, within, met = LOSSES[name]
    found = failover.step("declare.measure", 0, 1, **measured).step("declare.fence", 1, 2, **fenced).at(3)
    assert (found.loss.bytes, found.loss.seconds, found.rpo_met) == (size, within, met)


def test_a_loss_larger_than_the_rpo_is_said_in_plain_words(failover: Story) -> None:
    failover.step("declare.measure", 0, 1, behind=None, at_least=300, within=7.5).step("declare.fence", 1, 2)
    words = rpo_words(failover.at(3))
    assert words == (
        "THE LOSS MAY BE LARGER THAN THE RPO of 5 s: at least 300 bytes of log, what was written in 7.5 s at most"
    )


def test_the_forecast_is_the_median_of_those_before(failover: Story) -> None:
    nodes = dict.fromkeys(SECTION, 2.0)
    bodies = [body(nodes=dict.fromkeys(SECTION, took)) for took in (1.0, 2.0, 9.0)]
    past = past_of(bodies, OperationKind.FAILOVER)
    assert (past.count, dict(past.nodes), past.wait) == (3, nodes, None)
    failover.step("declare.measure", 0, 1)
    found = failover.at(1.5, past)
    assert found.forecast == 1.5 + (2 - 0.5) + 2 + 2, "what is gone, the rest of the fence, promote, shift"
    assert found.forecast_by == "the median of 3 before it"
    assert failover.at(11, past).forecast == 11 + 0 + 2 + 2, "a node that takes longer than it used to"


def test_without_a_past_the_forecast_is_what_the_plan_allows(failover: Story) -> None:
    found = failover.step("declare.measure", 0, 1).at(1)
    assert (found.forecast, found.forecast_by) == (
        1 + 3 * flights.LONGEST,
        "the longest that its steps may take",
    )


@pytest.mark.parametrize(("past", "wait"), [(Past(), 880.0), (Past(1, dict.fromkeys(SECTION, 1.0), 30.0), 30.0)])
def test_people_who_were_asked_are_part_of_the_forecast(failover: Story, past: Past, wait: float) -> None:
    failover.step("declare.measure", 0, 1).step("declare.fence", 1, 2)
    failover.add(2, EventKind.APPROVAL_REQUESTED, node="declare.approve", quorum=2, expires_at=T + 902)
    each = 1.0 if past.count else flights.LONGEST
    assert failover.at(22, past).forecast == 22 + 2 * each + wait


def test_past_ones_of_another_kind_and_unproved_ones_do_not_count() -> None:
    bodies = [body(kind="switchover"), body(proved=False)]
    assert past_of(bodies, OperationKind.FAILOVER) == Past()


def body(**changes: Any) -> dict[str, Any]:
    plain = {"operation": "o", "kind": "failover", "began": 0.0, "known_by": "", "stages": [], "gone": 1.0}
    plain |= {"back": True, "proved": True, "closed": True, "rto_target": None, "rpo_target": None}
    return {**plain, "loss": {"bytes": 0, "seconds": 0.0, "exact": True}, "nodes": {}, **changes}


def test_a_measurement_is_read_back_as_it_was_written(failover: Story) -> None:
    found = carried(failover).at(5)
    assert Recovery.from_json(found.to_json()) == found


def test_the_loss_that_counts_is_its_own_else_the_newest_that_is_not_over(failover: Story) -> None:
    view, opening = failover.view, failover.opening

    def note(at: float, what: str, number: int, region: str = "east", operation: str = "another") -> Event:
        body = {"what": what, "id": f"loss-{number}", "region": region}
        return dataclasses.replace(opening, at=T + at, kind=EventKind.NOTE, operation=operation, body=body)

    notes = [note(-90, LOST, 1), note(-60, BACK, 1), note(-50, LOST, 2, "west"), note(-40, LOST, 3)]
    notes += [note(5, LOST, 4)]
    assert loss_of_its_region(notes, view) is notes[3]
    assert loss_of_its_region(notes[:3], view) is None
    own = note(-200, LOST, 5, operation=view.id)
    assert loss_of_its_region([own, *notes], view) is own


def test_a_loss_that_the_service_has_moved_away_from_is_not_the_next_failovers(failover: Story) -> None:
    view, opening = failover.view, failover.opening
    body = {"what": LOST, "id": "loss-1", "region": "east"}
    lost = dataclasses.replace(opening, seq=1, at=T - 90, kind=EventKind.NOTE, operation="another", body=body)
    moved = dataclasses.replace(opening, seq=2, at=T - 80, operation="another")
    assert loss_of_its_region([lost], view) is lost
    assert loss_of_its_region([lost, moved], view) is None
    again = dataclasses.replace(lost, seq=3, at=T - 10)
    assert loss_of_its_region([lost, moved, again], view) is again
