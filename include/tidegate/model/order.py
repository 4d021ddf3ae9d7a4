"""What has to come before what, in a graph of names: ``needs`` maps each to those that it needs directly."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

Needs = Mapping[str, Iterable[str]]


def reach(needs: Needs, name: str) -> frozenset[str]:
    """All that it needs, directly or through others."""
    found: set[str] = set()
    left = list(needs.get(name, ()))
    while left:
        if (one := left.pop()) not in found:
            found.add(one)
            left += needs.get(one, ())
    return frozenset(found)


def circle(needs: Needs) -> tuple[str, ...]:
    """A way along ``needs`` that ends where it began, like ``shop, payments, shop``; empty if there is none."""
    return next(((start, *_way(needs, start)) for start in needs if start in reach(needs, start)), ())


def _way(needs: Needs, start: str) -> tuple[str, ...]:
    """The shortest way back to the start, which is left out at its beginning."""
    ways: list[tuple[str, ...]] = [(one,) for one in needs.get(start, ())]
    seen: set[str] = set()
    while ways:
        way = ways.pop(0)
        if way[-1] == start:
            return way
        if way[-1] not in seen:
            seen.add(way[-1])
            ways += [(*way, one) for one in needs.get(way[-1], ())]
    return ()


def waves(needs: Mapping[str, tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """All names, what is needed first; those of one wave are free of each other. There must be no circle."""
    done: set[str] = set()
    found: list[tuple[str, ...]] = []
    while len(done) < len(needs):
        wave = tuple(n for n in needs if n not in done and set(needs[n]) <= done)
        assert wave, "a circle is refused before"
        found.append(wave)
        done |= set(wave)
    return tuple(found)
