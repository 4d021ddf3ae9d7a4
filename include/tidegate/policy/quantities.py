"""``5%``, ``30m``, ``10x``, ``300ms``: what people write, as integers and floats with one unit each.

Each type reads text with a unit and writes it back (in JSON), so that a policy's canonical JSON can be read again.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}
_BYTES = {"B": 1, "kB": 1000, "MB": 1000**2, "GB": 1000**3}
_LONGEST = 90 * 86400  # no operation, gate or approval lasts longer than a quarter


def _matched(value: object, pattern: str, kind: str) -> re.Match[str]:
    match = re.fullmatch(pattern, str(value), re.ASCII)
    if not match:
        raise ValueError(f"{value!r} is not {kind}")
    return match


def parse_percent(value: object) -> int:
    """``5%`` -> 500 basis points. Raises ValueError with an example."""
    kind = "a percentage between 0% and 100% with at most two decimals (like 5% or 0.5%)"
    match = _matched(value, r"(\d{1,3}(?:\.\d{1,2})?)%", kind)
    if Decimal(match[1]) > 100:
        raise ValueError(f"{value!r} is not {kind}")
    return int(Decimal(match[1]) * 100)


def parse_proportion(value: object) -> float:
    """``99.95%`` or ``1%`` -> a proportion between 0 and 1, with up to four decimals of a percent."""
    kind = "a percentage between 0% and 100% with at most four decimals (like 99.9%)"
    match = _matched(value, r"(\d{1,3}(?:\.\d{1,4})?)%", kind)
    if Decimal(match[1]) > 100:
        raise ValueError(f"{value!r} is not {kind}")
    return float(Decimal(match[1]) / 100)


def parse_duration(value: object) -> float:
    """``300ms``, ``90s``, ``30m``, ``2h``, ``7d`` -> seconds, 0 to 90 days."""
    match = _matched(value, r"(\d{1,10}(?:\.\d{1,3})?)(ms|s|m|h|d)", "a duration (like 300ms, 90s, 30m, 2h)")
    seconds = Decimal(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST:
        raise ValueError(f"{value!r} is longer than 90d")
    return float(seconds)


def parse_factor(value: object) -> float:
    """``10x`` -> 10.0."""
    match = _matched(value, r"(\d{1,4}(?:\.\d{1,2})?)x", "a factor (like 10x or 1.5x)")
    if Decimal(match[1]) < 1:
        raise ValueError(f"{value!r} is smaller than 1x")
    return float(match[1])


def parse_rate(value: object) -> float:
    """``40/s`` -> requests per second."""
    match = _matched(value, r"(\d{1,7}(?:\.\d{1,2})?)/s", "a rate (like 40/s)")
    if Decimal(match[1]) <= 0:
        raise ValueError(f"{value!r} is not more than 0/s")
    return float(match[1])


def parse_bytes(value: object) -> int:
    """``16MB`` -> 16,000,000. Raises ValueError with an example."""
    match = _matched(value, r"(\d{1,9})(B|kB|MB|GB)", "a size (like 64kB, 16MB or 1GB)")
    return int(match[1]) * _BYTES[match[2]]


def bytes_text(value: int) -> str:
    """Inverse of :func:`parse_bytes`, in the largest unit that is exact."""
    unit = next(name for name, size in reversed(_BYTES.items()) if value % size == 0 or size == 1)
    return f"{value // _BYTES[unit]}{unit}" if value else "0B"


def _number(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".") if decimals else str(round(value))


def percent_text(basis_points: int) -> str:
    """Inverse of :func:`parse_percent`."""
    return _number(basis_points / 100, 2) + "%"


def proportion_text(value: float) -> str:
    """Inverse of :func:`parse_proportion`."""
    return _number(value * 100, 4) + "%"


def duration_text(seconds: float) -> str:
    """Inverse of :func:`parse_duration`, in the largest unit that is exact."""
    for unit in ("d", "h", "m", "s"):
        count = Decimal(str(seconds)) / _SECONDS[unit]
        if count and count == count.to_integral_value():
            return f"{count.to_integral_value():f}{unit}"
    return _number(seconds * 1000, 3) + "ms" if seconds else "0s"


def factor_text(value: float) -> str:
    """Inverse of :func:`parse_factor`."""
    return _number(value, 2) + "x"


def rate_text(value: float) -> str:
    """Inverse of :func:`parse_rate`."""
    return _number(value, 2) + "/s"


def _text(pattern: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": list(examples)})


def _positive(value: float) -> float:
    if value <= 0:
        raise ValueError("must be more than 0")
    return value


def _above_none(value: int) -> int:
    if value <= 0:
        raise ValueError("must be more than 0%")
    return value


def _below_all(value: float) -> float:
    if not 0 < value < 1:
        raise ValueError("must be more than 0% and less than 100%")
    return value


_DURATION = _text(r"^\d{1,10}(\.\d{1,3})?(ms|s|m|h|d)$", "300ms", "30s", "30m", "2h")
_PROPORTION = _text(r"^\d{1,3}(\.\d{1,4})?%$", "99.9%", "1%")

BasisPoints = Annotated[
    int,
    BeforeValidator(parse_percent),
    PlainSerializer(percent_text, when_used="json"),
    _text(r"^\d{1,3}(\.\d{1,2})?%$", "5%", "0.5%"),
]
BasisPointsAboveNone = Annotated[BasisPoints, AfterValidator(_above_none)]
Proportion = Annotated[
    float, BeforeValidator(parse_proportion), PlainSerializer(proportion_text, when_used="json"), _PROPORTION
]
PartOfAll = Annotated[
    float,
    BeforeValidator(parse_proportion),
    AfterValidator(_below_all),
    PlainSerializer(proportion_text, when_used="json"),
    _PROPORTION,
]
SecondsOrZero = Annotated[
    float, BeforeValidator(parse_duration), PlainSerializer(duration_text, when_used="json"), _DURATION
]
Seconds = Annotated[
    float,
    BeforeValidator(parse_duration),
    AfterValidator(_positive),
    PlainSerializer(duration_text, when_used="json"),
    _DURATION,
]
Bytes = Annotated[
    int,
    BeforeValidator(parse_bytes),
    PlainSerializer(bytes_text, when_used="json"),
    _text(r"^\d{1,9}(B|kB|MB|GB)$", "64kB", "16MB"),
]
Factor = Annotated[
    float,
    BeforeValidator(parse_factor),
    PlainSerializer(factor_text, when_used="json"),
    _text(r"^\d{1,4}(\.\d{1,2})?x$", "10x", "1.5x"),
]
Rate = Annotated[
    float,
    BeforeValidator(parse_rate),
    PlainSerializer(rate_text, when_used="json"),
    _text(r"^\d{1,7}(\.\d{1,2})?/s$", "40/s"),
]
