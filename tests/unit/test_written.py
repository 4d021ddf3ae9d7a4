"""What a standby lacks, by what the primary was last seen to have written."""

from __future__ import annotations

import pytest

from tidegate.model.written import KEPT, Written

LOOKS = ((10.0, 100), (11.0, 250), (12.0, 400))


def seen(silent: float | None = 13.0) -> Written:
    return Written("east", LOOKS, silent)


@pytest.mark.parametrize(
    ("received", "lacks"),
    [(400, (0, 1.0)), (450, (0, 1.0)), (399, (1, 2.0)), (250, (150, 2.0)), (100, (300, 3.0)), (99, (301, None))],
)
def test_bytes_at_least_and_seconds_at_most(received: int, lacks: tuple[int, float | None]) -> None:
    assert seen().lacking(received, now=99.0) == lacks


def test_a_primary_that_still_answers_may_have_written_until_now() -> None:
    assert seen(None).lacking(400, now=12.5) == (0, 0.5)


def test_nobody_has_looked() -> None:
    assert Written("").lacking(100, 1.0) == (None, None)
    assert Written("").and_then("", 1.0, None) == Written("")


def test_the_first_silence_counts_until_it_answers_again() -> None:
    dark = seen(None).and_then("", 13.0, None).and_then("", 14.0, None)
    assert dark.silent == 13.0
    back = dark.and_then("east", 15.0, 500)
    assert (back.silent, back.looks[-1]) == (None, (15.0, 500))


def test_another_primary_or_another_history_begins_anew() -> None:
    assert seen().and_then("west", 14.0, 500) == Written("west", ((14.0, 500),))
    assert seen().and_then("east", 14.0, 300) == Written("east", ((14.0, 300),)), "shorter than it was"


def test_it_keeps_so_many_looks_and_is_read_back_as_written() -> None:
    many = Written("")
    for n in range(KEPT + 5):
        many = many.and_then("east", float(n), n)
    assert (len(many.looks), many.looks[0]) == (KEPT, (5.0, 5))
    assert Written.from_json(many.to_json()) == many
    assert Written.from_json({"looks": "?"}) is None
