"""Users of a drill come as often, and ask for the same, as the policy says of production."""

from __future__ import annotations

import pytest

from lab.load.mix import MIX, WAIT, pauses, weights
from tidegate.drill.rehearse import profile_of
from tidegate.drivers.load.contract import LoadProfile
from tidegate.policy.service import Traffic

TRAFFIC = Traffic.model_validate(
    {"rate": "165/s", "sessions": 200, "session_length": "30s", "errors": "0.1%",
     "mix": {"checkout": "33%", "receipt": "0.5%", "browse": "66.5%"}}
)  # fmt: skip


def test_a_drill_s_users_are_the_policy_s() -> None:
    profile = profile_of(TRAFFIC)
    assert profile == LoadProfile(165.0, 200, {"checkout": 0.33, "receipt": 0.005, "browse": 0.665})
    assert LoadProfile.from_json(profile.to_json()) == profile


def test_each_class_has_its_part_and_browsing_is_split_as_it_was() -> None:
    found = weights(profile_of(TRAFFIC).mix)
    assert sum(found.values()) == pytest.approx(1.0)
    assert found["checkout"] == pytest.approx(0.33)
    assert found["receipt"] == pytest.approx(0.005)
    assert found["products"] / found["cart"] == pytest.approx(MIX["products"] / MIX["cart"])


def test_a_class_that_nobody_asks_for_is_left_out() -> None:
    assert set(weights({"checkout": 1.0})) == {"checkout"}


def test_a_class_that_no_user_knows_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="no user here asks for search: browse, checkout, receipt"):
        weights({"search": 1.0})


def test_without_a_mix_and_a_rate_users_are_as_they_are() -> None:
    assert weights({}) == MIX
    assert pauses(0.0, 200) == WAIT


def test_the_rate_is_that_of_all_users_together() -> None:
    low, high = pauses(165.0, 200)
    assert 200 / ((low + high) / 2) == pytest.approx(165.0)
    assert low / high == pytest.approx(WAIT[0] / WAIT[1])
