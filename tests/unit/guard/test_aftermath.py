"""What the guard counts of users, second by second."""

from tidegate.guard.aftermath import KEEP, Aftermath
from tidegate.model.observation import Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split

SPLIT = canary_split({"east": 5000, "west": 5000}, Slot.A, {})
EAST, WEST = Arm("east", Slot.A), Arm("west", Slot.B)


def seen(at: float, arm: Arm | None, status: int = 200, milliseconds: float = 10.0) -> Observation:
    return Observation(at, arm, "s", "browse", status, milliseconds, 1, SPLIT)


def test_requests_failed_and_slow_by_second_and_region() -> None:
    counts = Aftermath(("east", "west"), slow=2000.0)
    counts.add(
        [seen(10.1, EAST), seen(10.9, EAST, 503), seen(10.2, WEST, 0, 2500.0), seen(11.0, WEST), seen(11.5, None)]
    )
    assert counts.document(12.0) == {
        "version": 1,
        "written_at": 12.0,
        "observed_at": 11.0,
        "seconds": [
            {"at": 10, "regions": {"east": [2, 1, 0], "west": [1, 1, 1]}},
            {"at": 11, "regions": {"east": [0, 0, 0], "west": [1, 0, 0]}},
        ],
    }


def test_it_keeps_three_minutes() -> None:
    counts = Aftermath(("east",), slow=2000.0)
    counts.add([seen(float(at), EAST) for at in range(1000)])
    assert len(counts.document(1000.0)["seconds"]) == KEEP
