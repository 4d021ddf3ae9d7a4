from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from scipy.special import logsumexp

from tidegate.judge.capital import NEVER, Capital, log_add, log_sum

LOGS = st.floats(-800, 800) | st.just(NEVER)


@effort(deadline=None)
@given(st.lists(LOGS, min_size=1, max_size=6))
def test_log_sum_is_scipys(values: list[float]) -> None:
    assert log_sum(values) == pytest.approx(float(logsumexp(values)), rel=1e-9, abs=1e-9)


@effort(deadline=None)
@given(LOGS, LOGS)
def test_log_add_is_log_sum(a: float, b: float) -> None:
    assert log_add(a, b) == pytest.approx(log_sum([a, b]), rel=1e-9, abs=1e-9)


def test_capital_is_the_mixture_written_out() -> None:
    """Two classes, two bets, two start points, by hand."""
    capital = Capital(("a", "b"), (0.3, 0.7), ((0.0, 0.8), (10.0, 0.2)))
    up, down = (math.log(3), math.log(2)), (math.log(0.5), math.log(0.9))
    capital.advance(100.0)
    capital.multiply("a", up)
    capital.advance(110.0)
    capital.multiply("b", down)
    parts = []
    for prior, first, second in ((0.3, 3, 0.5), (0.7, 2, 0.9)):
        together = 0.8 * first * second + 0.2 * second
        only_a, only_b = 0.8 * first + 0.2, 0.8 * second + 0.2 * second
        parts.append(prior * (0.5 * together + 0.25 * only_a + 0.25 * only_b))
    assert math.exp(capital.log_e()) == pytest.approx(sum(parts))


def test_capital_that_waits_counts_at_face_value_and_entering_changes_nothing() -> None:
    capital = Capital(("a",), (1.0,), ((0.0, 0.8), (60.0, 0.2)))
    capital.advance(0.0)
    capital.multiply("a", (math.log(0.5),))
    assert math.exp(capital.log_e()) == pytest.approx(0.8 * 0.5 + 0.2)
    capital.advance(61.0)
    assert math.exp(capital.log_e()) == pytest.approx(0.8 * 0.5 + 0.2)
    capital.multiply("a", (math.log(10),))
    assert math.exp(capital.log_e()) == pytest.approx((0.8 * 0.5 + 0.2) * 10)


def test_ruin_is_survived() -> None:
    capital = Capital(("a",), (0.5, 0.5), ((0.0, 0.8), (60.0, 0.2)))
    capital.advance(0.0)
    for _ in range(10_000):
        capital.multiply("a", (-1.0, -2.0))
    assert math.exp(capital.log_e()) == pytest.approx(0.2)
    capital.advance(60.0)
    for _ in range(10_000):
        capital.multiply("a", (2.0, 1.0))
    assert math.isfinite(capital.log_e())


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), float("-inf")])
def test_a_factor_that_is_no_number_is_refused(factor: float) -> None:
    capital = Capital(("a",), (1.0,), ((0.0, 1.0),))
    with pytest.raises(ValueError, match="not finite"):
        capital.multiply("a", (factor,))


def test_resume_is_exact_and_refuses_other_shapes() -> None:
    def fresh(classes: tuple[str, ...] = ("a", "b")) -> Capital:
        return Capital(classes, (0.5, 0.5), ((0.0, 0.8), (60.0, 0.2)))

    one, other = fresh(), fresh()
    other.load(json.loads(json.dumps(one.dump())))  # before anything: holds -inf
    for capital in (one, other):
        capital.advance(5.0)
        capital.multiply("a", (0.1, 0.2))
    other.load(json.loads(json.dumps(one.dump())))
    assert other.log_e() == one.log_e()
    with pytest.raises(ValueError, match="other endpoint classes"):
        fresh(("a",)).load(one.dump())
