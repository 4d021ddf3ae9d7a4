from __future__ import annotations

import random

import pytest

from tidegate.judge.bounds import Stratum, difference
from tidegate.judge.power import pass_risk


def test_one_look_keeps_its_confidence_and_many_do_not() -> None:
    assert pass_risk(0.01, 0.95, 298) == 0.0
    assert pass_risk(0.01, 0.95, 299) == pytest.approx(0.05, abs=0.002)
    assert 0.10 < pass_risk(0.01, 0.95, 2_000) < 0.20
    assert pass_risk(0.01, 0.99, 2_000) < pass_risk(0.01, 0.95, 2_000) / 3


def test_the_risk_is_that_of_a_gate_that_looks_at_every_request() -> None:
    """600 candidates worse by five points, the real bound after each request, against the computed chance."""
    rng, runs, most = random.Random(3), 600, 120
    enough: dict[tuple[int, int], bool] = {}

    def met(n: int, errors: int) -> bool:
        if (n, errors) not in enough:
            bound = difference([Stratum("east", n, errors, errors, 10**7, 0, 0)], 0.9)
            enough[n, errors] = bound is not None and bound.upper < 0.05
        return enough[n, errors]

    def passes() -> bool:
        errors = 0
        for n in range(1, most + 1):
            errors += rng.random() < 0.05
            if met(n, errors):
                return True
        return False

    found = sum(passes() for _ in range(runs)) / runs
    assert found == pytest.approx(pass_risk(0.05, 0.9, most), abs=0.04)


@pytest.mark.parametrize(("limit", "confidence"), [(0.0, 0.9), (1.0, 0.9), (0.1, 0.0), (0.1, float("nan"))])
def test_what_means_nothing_is_refused(limit: float, confidence: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        pass_risk(limit, confidence, 100)
