"""One line of the doctor's."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """``WARN``: it works, and something is weaker than it should be. ``MISSING``: something will not work."""

    OK = "ok"
    WARN = "warn"
    MISSING = "missing"


@dataclass(frozen=True)
class Finding:
    """``check``: what was looked at. ``why``: what it matters for. ``mend``: the command, or the line to write."""

    check: str
    level: Level
    says: str
    why: str = ""
    mend: str = ""


def ok(check: str, says: str) -> Finding:
    return Finding(check, Level.OK, says)


def warn(check: str, says: str, why: str, mend: str) -> Finding:
    return Finding(check, Level.WARN, says, why, mend)


def missing(check: str, says: str, why: str, mend: str) -> Finding:
    return Finding(check, Level.MISSING, says, why, mend)
