"""What is known of a guard that ``make mutants`` takes out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """``rule``: of :mod:`tests.safety.rules`; 0 for guards of what the rules stand on (policy, journal, releases).
    ``file``: below ``include/tidegate``. ``tests``: below ``tests/``. ``dies_by``: names of errors, besides a failed
    assertion and our own, by which a test may show that the guard is gone."""

    name: str
    rule: int
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    dies_by: tuple[str, ...] = ()
