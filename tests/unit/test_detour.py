"""What a detour makes of a split, and how it is written in a router's own text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.model.detour import Detour, detoured
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import TOTAL, Split

ARMS = (Arm("east", Slot.B), Arm("east", Slot.A), Arm("west", Slot.A), Arm("west", Slot.B))


def split(*weights: int) -> Split:
    return Split(tuple(zip(ARMS, weights, strict=True)))


@pytest.mark.parametrize(
    ("before", "to", "after"),
    [
        (split(0, 5000, 5000, 0), "west", split(0, 0, 10_000, 0)),
        (split(250, 4750, 4500, 500), "west", split(0, 0, 9000, 1000)),
        (split(250, 4750, 4500, 500), "east", split(500, 9500, 0, 0)),
        (split(0, 9999, 1, 0), "west", split(0, 0, 10_000, 0)),
        (split(0, 10_000, 0, 0), "west", split(0, 10_000, 0, 0)),
    ],
    ids=["even", "a canary keeps its part", "the other way", "a sliver", "a region without traffic takes none"],
)
def test_the_class_is_shared_as_the_region_is(before: Split, to: str, after: Split) -> None:
    assert detoured(before, to) == after


@given(st.lists(st.integers(0, TOTAL), min_size=3, max_size=3).map(sorted))
def test_whatever_the_split_nothing_stays_behind_and_no_arm_appears(cuts: list[int]) -> None:
    before = split(cuts[0], cuts[1] - cuts[0], cuts[2] - cuts[1], TOTAL - cuts[2])
    after = detoured(before, "west")
    if before.region_share("west"):
        assert after.region_share("east") == 0
        assert {arm for arm, weight in after.weights if weight} <= {arm for arm, weight in before.weights if weight}
    else:
        assert after == before


def test_text_and_back() -> None:
    assert Detour.parse(str(Detour("check_out", "west-2"))) == Detour("check_out", "west-2")


@pytest.mark.parametrize("text", ["checkout", "checkout>", ">west", "a>b>c", "check,out>west", "checkout>we|st"])
def test_what_a_router_could_read_otherwise_is_no_detour(text: str) -> None:
    with pytest.raises(ValueError, match="detour"):
        Detour.parse(text)
