"""``5%``, ``30m``, ``10x``, ``300ms``: what people write, as integers and floats with one unit each."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600), "d": Decimal(86400)}


def parse_percent(value: object) -> int:
    """``5%`` -> 500 basis points. Raises ValueError with an example."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)%", str(value).strip())
    if not match or Decimal(match[1]) > 100:
        raise ValueError(
            f"{value!r} is not a percentage between 0% and 100% with at most two decimals (like 5% or 0.5%)"
        )
    return int(Decimal(match[1]) * 100)


def parse_proportion(value: object) -> float:
    """``99.95%`` or ``1%`` -> a proportion between 0 and 1, with up to four decimals of a percent."""
    match = re.fullmatch(r"(\d{1,3}(?:\.\d{1,4})?)%", str(value).strip())
    if not match or Decimal(match[1]) > 100:
        raise ValueError(f"{value!r} is not a percentage (like 99.9%)")
    return float(Decimal(match[1]) / 100)


def parse_duration(value: object) -> float:
    """``300ms``, ``90s``, ``30m``, ``2h``, ``7d`` -> seconds."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)(ms|s|m|h|d)", str(value).strip())
    if not match:
        raise ValueError(f"{value!r} is not a duration (like 300ms, 90s, 30m, 2h)")
    return float(Decimal(match[1]) * _SECONDS[match[2]])


def parse_factor(value: object) -> float:
    """``10x`` -> 10.0."""
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,2})?)x", str(value).strip())
    if not match or Decimal(match[1]) <= 0:
        raise ValueError(f"{value!r} is not a factor (like 10x or 1.5x)")
    return float(match[1])


def parse_rate(value: object) -> float:
    """``40/s`` -> requests per second."""
    match = re.fullmatch(r"(\d{1,7}(?:\.\d{1,2})?)/s", str(value).strip())
    if not match or Decimal(match[1]) <= 0:
        raise ValueError(f"{value!r} is not a rate (like 40/s)")
    return float(match[1])


def _text(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


BasisPoints = Annotated[int, BeforeValidator(parse_percent), _text(r"^\d{1,3}(\.\d{1,2})?%$", "5%")]
Proportion = Annotated[float, BeforeValidator(parse_proportion), _text(r"^\d{1,3}(\.\d{1,4})?%$", "99.9%")]
Seconds = Annotated[float, BeforeValidator(parse_duration), _text(r"^\d{1,6}(\.\d{1,3})?(ms|s|m|h|d)$", "30m")]
Factor = Annotated[float, BeforeValidator(parse_factor), _text(r"^\d{1,4}(\.\d{1,2})?x$", "10x")]
Rate = Annotated[float, BeforeValidator(parse_rate), _text(r"^\d{1,7}(\.\d{1,2})?/s$", "40/s")]
