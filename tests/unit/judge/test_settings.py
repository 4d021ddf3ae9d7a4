from __future__ import annotations

import json

import pytest

from tests.support.judging import settings
from tidegate.judge.settings import JudgeSettings, StartPoints


def test_alpha_is_spent_once_and_in_full() -> None:
    with_latency, without = settings().alphas(), settings(margin_latency=None).alphas()
    assert sum(with_latency.values()) == pytest.approx(0.01)
    assert sum(without.values()) == pytest.approx(0.01)
    assert with_latency == pytest.approx(
        {"errors": 0.005, "latency": 0.0025, "availability": 0.00125, "latency_p99": 0.00125}
    )
    assert without == pytest.approx({"errors": 0.02 / 3, "availability": 0.01 / 6, "latency_p99": 0.01 / 6})


@pytest.mark.parametrize("starts", [StartPoints(), StartPoints(first=1.0), StartPoints(every=1, steady=1, last=3)])
def test_start_points_are_finite_ordered_and_sum_to_one(starts: StartPoints) -> None:
    times, parts = zip(*starts.schedule(), strict=True)
    assert sum(parts) == pytest.approx(1)
    assert parts[0] == starts.first
    assert list(times) == sorted(set(times))
    assert times[0] == 0 and len(times) < 50


def test_json_round_trip() -> None:
    one = settings(starts=StartPoints(steady=3), margin_latency=None, unit="request")
    assert JudgeSettings.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_unknown_and_missing_keys_are_named() -> None:
    value = settings().to_json()
    value["alhpa"] = value.pop("alpha")
    with pytest.raises(ValueError, match=r"alhpa.*alpha|alpha.*alhpa"):
        JudgeSettings.from_json(value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": float("nan")},
        {"margin_errors": 0.0},
        {"margin_latency": float("inf")},
        {"availability": 1.0},
        {"latency_p99": -1.0},
        {"warm_up": -1.0},
        {"stale_after": 0.0},
        {"burn_window": 600.0},
        {"unit": "user"},
        {"endpoints": ()},
        {"regions": ("east", "east")},
    ],
    ids=str,
)
def test_settings_that_mean_nothing_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        settings(**wrong)
