"""The cells of the race for the signals beyond the comparison run, and say what they should of a few releases."""

from __future__ import annotations

import pytest

from benchmarks.race.signals import CELLS, HARMLESS, Row, signal_cell, signal_shortfalls


@pytest.mark.parametrize("number", range(len(CELLS)), ids=lambda n: f"{CELLS[n][0]}: {CELLS[n][1]}")
def test_a_cell(number: int) -> None:
    row = signal_cell(number, 4, seed=11)
    if number in HARMLESS:
        assert row.found == 0
    elif row.faulty:
        assert row.found == row.releases > 0
        assert row.mean is not None


def test_too_many_false_alarms_fail_the_race() -> None:
    good = [Row(signal, cell, 1000, 2, (0.0002, 0.007), faulty, None, None, None) for signal, cell, faulty, _ in CELLS]
    assert signal_shortfalls(good) == []
    bad = [Row("service", "x", 1000, 40, (0.028, 0.054), False, None, None, None), *good[1:]]
    assert len(signal_shortfalls(bad)) == 1
