"""A process that has answered too many requests begins to fail, more and more of them."""

from __future__ import annotations

from lab.shop.dials import Dials
from lab.shop.leak import SPREAD, Leak


def test_it_is_tight_until_then_and_fails_always_in_the_end() -> None:
    leak = Leak(lambda: Dials(leaks_after=500.0))
    assert not any(leak.fails() for _ in range(500))
    some = sum(leak.fails() for _ in range(SPREAD))
    assert SPREAD // 3 < some < 2 * SPREAD // 3
    assert all(leak.fails() for _ in range(200))


def test_without_the_dial_nothing_leaks() -> None:
    leak = Leak(Dials)
    assert not any(leak.fails() for _ in range(5_000))
