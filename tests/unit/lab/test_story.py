"""The story's own arithmetic: what counts as done twice, what is complained about, which scenarios run."""

import pytest

from lab.story.drawing import weights_drawing
from lab.story.measure import floor_rps, repeated
from lab.story.report import table
from lab.story.scenarios import SCENARIOS, STORY, chosen


def change(instance: str, verb: str) -> dict[str, str]:
    return {"instance": instance, "verb": verb}


def test_a_stop_a_start_and_a_stop_are_three_things() -> None:
    assert repeated([change("a-0", "stop"), change("a-0", "start"), change("a-0", "stop")]) == 0
    assert repeated([change("a-0", "start"), change("a-1", "start"), change("a-0", "start")]) == 1
    assert repeated([change("a-0", "stop"), change("a-0", "stop"), change("a-0", "stop")]) == 2


def test_the_poorest_five_seconds_count() -> None:
    assert floor_rps([100, 100, 10, 10, 10, 10, 10, 100]) == 10
    assert floor_rps([100, 100]) is None, "too short to say"


def test_only_brings_what_it_needs_first() -> None:
    assert [s.name for s in chosen("rollback-by-person", story=False)] == ["good-release", "rollback-by-person"]
    assert tuple(s.name for s in chosen(None, story=True)) == STORY
    assert chosen(None, story=False) == SCENARIOS
    with pytest.raises(KeyError, match="good-release"):
        chosen("god-release", story=False)


def test_what_was_not_measured_is_a_dash() -> None:
    none = dict.fromkeys(("requests", "failed_requests", "sessions_broken", "orders_lost"))
    seconds = dict.fromkeys(("verdict_to_safe", "total", "in_airflow"))
    text = table([{"name": "x", "outcome": None, "rung": None, "ok": False, "why": "gone", "seconds": seconds, **none}])
    row = text.splitlines()[3]
    assert row.split() == ["x", "?", "–", "NO", "–", "–", "–", "–", "–", "–", "–"]
    assert "gone" in text.splitlines()[4]


def test_the_drawing_shows_the_candidate_and_the_stop() -> None:
    timeline = [
        {"at": 1.0, "kind": "step_verified", "split": "east-b=250,east-a=4750,west-a=5000,west-b=0"},
        {"at": 9.0, "kind": "stop_loss", "split": None},
        {"at": 9.2, "kind": "step_verified", "split": "east-b=0,east-a=5000,west-a=5000,west-b=0"},
    ]
    picture = weights_drawing(timeline)
    assert picture.count("loss stopped") == 1
    assert weights_drawing([]) == ""


def test_a_killed_region_is_told_with_when_orders_were_taken_again_and_the_stages() -> None:
    none = dict.fromkeys(("requests", "failed_requests", "sessions_broken", "orders_lost"))
    stages = {"declared": 1.1, "opened": 1.2, "scale.target": 9.0, "cutover.promote": 2.4}
    seconds = {**dict.fromkeys(("verdict_to_safe", "total", "in_airflow"))}
    seconds = {**seconds, "until_orders": 2.6, "restored": 30.0, "stages": stages}
    row = {"name": "x", "outcome": "failed_over", "rung": None, "ok": True, "seconds": seconds, **none}
    under = table([row]).splitlines()[4]
    assert "2.6 s after the kill" in under
    assert under.index("declared 1.1 s") < under.index("cutover.promote 2.4 s")
    assert "scale" not in under
