"""What users met, second by second: counted once, bounded, and gone on with by the next guard."""

from __future__ import annotations

from pathlib import Path

from tests.support.estate import build
from tests.support.operations import promote
from tidegate.engine.guarding import BEAT, HISTORY
from tidegate.guard.history import KEEP, History
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split

SPLIT = canary_split({"east": 5000, "west": 5000}, Slot.A, {"east": 500})


def seen(at: float, slot: Slot = Slot.A, status: int = 200, ms: float = 10.0, region: str = "east") -> Observation:
    return Observation(at, Arm(region, slot), "s", "browse", status, ms, 1, SPLIT)


def history(saved: dict[str, object] | None = None) -> History:
    return History(Slot.A, ("east", "west"), saved)


def test_requests_failures_latency_and_weights_stand_in_their_second() -> None:
    told = history()
    told.add([seen(100.1), seen(100.2, ms=30.0), seen(100.3, Slot.B, status=503), seen(101.0, region="west")])
    document = told.document()
    assert document["width"] == 1.0
    first, second = document["points"]
    assert first == {
        "at": 100.0,
        "arms": {"east stable": [2, 0, 30.0, 30.0], "east candidate": [1, 1, 10.0, 10.0]},
        "weights": {"east": 500, "west": 0},
    }
    assert (second["at"], second["arms"]) == (101.0, {"west stable": [1, 0, 10.0, 10.0]})


def test_what_reached_no_arm_or_is_of_no_region_of_ours_is_passed_over() -> None:
    told = history()
    told.add([Observation(100.0, None, None, "browse", 503, 1.0, 1, SPLIT), seen(100.0, region="north")])
    assert told.document()["points"] == []


def test_a_late_line_is_counted_in_its_own_second() -> None:
    told = history()
    told.add([seen(float(at)) for at in range(100, 110)])
    told.document()
    told.add([seen(101.0, status=500, ms=90.0)])
    point = told.document()["points"][1]
    assert point["arms"]["east stable"] == [2, 1, 50.0, 90.0]


def test_it_stays_bounded_and_loses_no_request() -> None:
    told = history()
    for at in range(100, 100 + 3 * KEEP):
        told.add([seen(float(at)), seen(float(at), Slot.B, status=500)])
        if at % 50 == 0:
            told.document()
    document = told.document()
    assert len(document["points"]) <= KEEP + 2
    assert document["width"] == 4.0
    cells = [point["arms"] for point in document["points"]]
    assert sum(c["east stable"][0] for c in cells) == sum(c["east candidate"][1] for c in cells) == 3 * KEEP


def test_the_next_guard_goes_on_with_it_and_counts_nothing_twice() -> None:
    told = history()
    told.add([seen(100.0), seen(101.0)])
    saved = told.document()
    after = history(saved)
    after.add([seen(101.5), seen(102.5)])  # it reads the log again from a little before
    document = after.document()
    assert [p["at"] for p in document["points"]] == [100.0, 101.0, 102.0]
    assert sum(p["arms"]["east stable"][0] for p in document["points"]) == 3


def test_the_guard_leaves_it_beside_the_chain(tmp_path: Path) -> None:
    rig = build(tmp_path)
    view = promote(rig, "1.1.0")
    document = rig.world.journal.evidence("shop", view.id, HISTORY)
    assert document is not None
    assert max(point["weights"]["west"] for point in document["points"]) == 10_000
    roles = {name for point in document["points"] for name in point["arms"]}
    assert roles == {"east stable", "east candidate", "west stable", "west candidate"}
    assert rig.world.journal.verify("shop") == []


def test_the_beat_says_how_each_region_fares(tmp_path: Path) -> None:
    rig = build(tmp_path)
    rig.users.error_rate["1.0.0"] = {"browse": 0.5}
    rig.clock.sleep(20)
    health = rig.world.journal.beats("shop")[BEAT].body["health"]
    assert set(health) == {"east", "west"}
    assert health["east"]["requests"] > 100
    assert 0.1 < health["east"]["failed"] / health["east"]["requests"] < 0.6
    assert health["east"]["p99"] > 10
