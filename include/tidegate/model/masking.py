"""Keys of rows, shown without the personal data that they may be.

A masked value is a keyed hash. The key is made anew in every process and never kept, so that a short value (a postcode,
a telephone number) cannot be found by trying; the same value looks the same within one report.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Collection

_KEY = os.urandom(32)
LONGEST = 64  # characters of a value that are shown


def shown(column: str, value: object, personal: Collection[str]) -> str:
    """``value`` of ``column`` for a report: masked if the column is personal, else cut to a length."""
    return masked(value) if column in personal else cut(value)


def masked(value: object) -> str:
    """``masked:`` and ten hexadecimal digits."""
    return "masked:" + hmac.new(_KEY, str(value).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:10]


def cut(value: object) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
