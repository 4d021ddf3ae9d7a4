from __future__ import annotations

import pytest

from tidegate.judge.sessions import FORGET_AFTER, REMEMBER, Distinct, Recent, Spent


def test_a_session_is_spent_once_and_forgotten_an_hour_after_its_last_failure() -> None:
    spent = Spent()
    assert spent.first("s", 0.0)
    assert not spent.first("s", FORGET_AFTER - 1)
    assert not spent.first("s", 2 * FORGET_AFTER - 2)
    assert spent.first("s", 4 * FORGET_AFTER)


def test_memory_is_bounded_and_the_oldest_failure_goes_first() -> None:
    spent = Spent()
    for n in range(REMEMBER):
        spent.first(f"s{n}", 0.0)
    spent.first("s0", 1.0)
    spent.first("one more", 1.0)
    assert len(spent.dump()) == REMEMBER
    assert "s0" in spent and "s1" not in spent


def test_resume_keeps_the_order() -> None:
    spent = Spent()
    for name in ("a", "b", "a"):
        spent.first(name, 1.0)
    assert Spent.load(spent.dump()).dump() == spent.dump()


def test_sessions_are_counted_exactly_while_few() -> None:
    distinct = Distinct()
    for n in [*range(400), *range(400)]:
        distinct.add(f"s{n}")
    assert distinct.count() == 400


def test_many_sessions_are_estimated_within_the_stated_error() -> None:
    distinct = Distinct()
    for n in range(20_000):
        distinct.add(f"s{n}")
    assert distinct.count() == pytest.approx(20_000, rel=4 * 0.044)
    assert len(distinct.dump()) == Distinct.KEEP


def test_a_union_counts_each_session_once() -> None:
    one, other, both = Distinct(), Distinct(), Distinct()
    for n in range(3_000):
        (one if n < 2_000 else other).add(f"s{n}")
        both.add(f"s{n}")
        if n < 1_000:
            other.add(f"s{n}")
    assert (one | other).dump() == both.dump()


def test_recent_requests_by_the_second() -> None:
    recent = Recent()
    for n in range(100):
        recent.add(1000.0 + n, failed=n % 10 == 0)
    assert recent.over(1099.0, 9.0) == (10, 1)
    assert recent.over(1099.0, 59.0) == (60, 6)
    assert Recent.load(recent.dump()).over(1099.0, 59.0) == (60, 6)
    recent.prune(1099.0)
    assert recent.over(1099.0, 59.0) == (60, 6)
    assert len(recent.dump()) == Recent.KEEP
