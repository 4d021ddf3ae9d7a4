"""The race of burn rules: that a run is repeatable, and that what is required of two windows is asked."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.burn import RULES, Row, fault, shortfalls

TWO, SHORT, LONG = RULES


def test_a_total_outage_is_found_within_the_sum_of_the_rule() -> None:
    """14.4 times 0.1 % of an hour are 52 s of it; the load swings."""
    found = fault(3, 1.0)
    assert found == fault(3, 1.0)
    delays = {rule: found[rule][0] for rule in RULES}
    assert delays[TWO] is not None and 35 <= delays[TWO] <= 90, delays
    after = {rule: found[rule][1] for rule in RULES}
    assert (after[TWO] or 0) <= 325 < (after[LONG] or 0), "the short window ends the alarm"


def test_what_is_required_is_asked() -> None:
    healthy = [
        Row("4 blips a day", TWO, 0, 0.0),
        Row("4 blips a day", SHORT, 9, 9.0),
        Row("4 blips a day", LONG, 0, 0.0),
    ]
    faulty = [
        Row("20% fail", rule, None, None, 1.0, 10, 20, after)
        for rule, after in ((TWO, 280), (SHORT, 280), (LONG, 3000))
    ]
    assert shortfalls(healthy + faulty) == []
    for bad in (replace(healthy[0], alarms=1), replace(faulty[0], found=0.5), replace(faulty[0], rings_on=2000)):
        rows = [bad if (row.cell, row.rule) == (bad.cell, bad.rule) else row for row in healthy + faulty]
        assert len(shortfalls(rows)) == 1, bad
    assert len(shortfalls([healthy[0], replace(healthy[1], alarms=0), healthy[2]])) == 1
