"""Quantities read text with a unit, and write back text that reads the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.policy import quantities as q


@given(st.integers(0, 10_000))
def test_percent_round_trip(value: int):
    assert q.parse_percent(q.percent_text(value)) == value


@given(st.integers(0, 1_000_000))
def test_proportion_round_trip(millionths: int):
    value = q.parse_proportion(f"{millionths // 10_000}.{millionths % 10_000:04d}%")
    assert q.parse_proportion(q.proportion_text(value)) == value


@given(st.sampled_from(["ms", "s", "m", "h", "d"]), st.integers(0, 90), st.integers(0, 999))
def test_duration_round_trip(unit: str, whole: int, thousandths: int):
    if unit == "d" and whole == 90:
        thousandths = 0
    value = q.parse_duration(f"{whole}.{thousandths:03d}{unit}")
    assert q.parse_duration(q.duration_text(value)) == pytest.approx(value, abs=1e-6)


@given(st.integers(100, 999_999))
def test_factor_round_trip(hundredths: int):
    value = q.parse_factor(f"{hundredths // 100}.{hundredths % 100:02d}x")
    assert q.parse_factor(q.factor_text(value)) == value


@given(st.integers(1, 999_999_999))
def test_rate_round_trip(hundredths: int):
    value = q.parse_rate(f"{hundredths // 100}.{hundredths % 100:02d}/s")
    assert q.parse_rate(q.rate_text(value)) == value


@pytest.mark.parametrize(
    ("text", "seconds", "written"),
    [("300ms", 0.3, "300ms"), ("90s", 90.0, "90s"), ("120s", 120.0, "2m"), ("24h", 86400.0, "1d"), ("0s", 0.0, "0s")],
)
def test_durations(text: str, seconds: float, written: str):
    assert q.parse_duration(text) == seconds
    assert q.duration_text(seconds) == written


@pytest.mark.parametrize(
    ("parse", "text"),
    [
        (q.parse_percent, "5"),
        (q.parse_percent, "5 %"),
        (q.parse_percent, "5.123%"),
        (q.parse_percent, "100.01%"),
        (q.parse_percent, "-1%"),
        (q.parse_percent, "5%\n"),
        (q.parse_percent, "٥%"),
        (q.parse_percent, 5),
        (q.parse_percent, True),
        (q.parse_proportion, "99.99999%"),
        (q.parse_duration, "12:30"),
        (q.parse_duration, "1h30m"),
        (q.parse_duration, "1e3s"),
        (q.parse_duration, "91d"),
        (q.parse_factor, "0.5x"),
        (q.parse_factor, "10"),
        (q.parse_rate, "0/s"),
        (q.parse_rate, "40/m"),
    ],
)
def test_refused(parse, text):
    with pytest.raises(ValueError, match=r"is not|is longer|is smaller"):
        parse(text)
