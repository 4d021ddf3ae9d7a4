"""``payments >= 1.1``: what one service asks of the release of another."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

REQUIREMENT = r"^[a-z][a-z0-9-]{0,62} ?(>=|<=|==|!=|>|<) ?[0-9]{1,9}(\.[0-9]{1,9}){0,3}$"
_PARTS = re.compile(r"(?P<service>[a-z][a-z0-9-]*) ?(?P<sign>>=|<=|==|!=|>|<) ?(?P<version>[0-9.]+)")
_VERSION = re.compile(r"v?(?P<numbers>[0-9]{1,9}(\.[0-9]{1,9}){0,3})(?P<before>-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_SIGNS: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Requirement:
    """``sign``: one of ``>= <= == != > <``. ``version``: numbers and dots."""

    service: str
    sign: str
    version: str

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Raises ValueError for what :data:`REQUIREMENT` does not describe."""
        found = _PARTS.fullmatch(text)
        if not found or not re.fullmatch(REQUIREMENT, text):
            raise ValueError(f"{text!r} is no requirement like 'payments >= 1.1'")
        return cls(found["service"], found["sign"], found["version"])

    def __str__(self) -> str:
        return f"{self.service} {self.sign} {self.version}"

    def met_by(self, version: str) -> bool:
        """Whether that release of the service will do. One whose version cannot be compared never does."""
        have, want = _comparable(version), _comparable(self.version)
        return have is not None and want is not None and _SIGNS[self.sign](have, want)


def _comparable(version: str) -> tuple[int, ...] | None:
    """``1.1`` and ``1.1.0`` are equal, ``1.1.0-rc1`` is before both, and what follows a ``+`` is ignored."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    numbers = [int(part) for part in found["numbers"].split(".")]
    return (*numbers, *[0] * (4 - len(numbers)), -1 if found["before"] else 0)
