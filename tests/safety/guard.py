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


def of(
    rule: int, test_file: str, file: str, *rows: tuple[str, str, str, str] | tuple[str, str, str, str, str]
) -> tuple[Guard, ...]:
    """Guards of one file that one file of tests holds. A row: name, old, new, test, and an error that it may die by."""
    return tuple(Guard(r[0], rule, file, r[1], r[2], (f"{test_file}::{r[3]}",), tuple(r[4:])) for r in rows)
