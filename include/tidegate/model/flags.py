"""Feature flags: what part of the customers sees a new behaviour, and what the journal knows of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.model.traffic import TOTAL

KEY = r"^[a-z][a-z0-9_]{0,62}$"  # of a flag: it stands in files, headers and log lines
_KEY = re.compile(KEY)


def is_key(text: str) -> bool:
    """Whether a flag may be called so."""
    return _KEY.fullmatch(text) is not None


@dataclass(frozen=True)
class Setting:
    """``exposed``: basis points of the customers who see the new behaviour; the same customers each time, and those
    who were exposed last go back first. ``default``: the last value that was known to be good, for whoever cannot be
    told apart."""

    exposed: int
    default: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.exposed <= TOTAL:
            raise ValueError(f"exposed is {self.exposed}, expected 0 to {TOTAL} basis points")

    def __str__(self) -> str:
        return f"{self.exposed / 100:g}% exposed, default {'on' if self.default else 'off'}"

    def to_json(self) -> dict[str, Any]:
        return {"exposed": self.exposed, "default": self.default}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Setting:
        return cls(value["exposed"], value["default"])


NEVER_SET = Setting(0)


@dataclass(frozen=True)
class FlagFact:
    """``now``: how it was last set. ``before``: how it stood before the release ``version`` that brought it."""

    now: Setting
    before: Setting
    version: str


def settings_json(settings: Mapping[str, Setting]) -> dict[str, Any]:
    return {key: setting.to_json() for key, setting in sorted(settings.items())}


def settings_from_json(value: Mapping[str, Any]) -> dict[str, Setting]:
    """Inverse of :func:`settings_json`."""
    return {key: Setting.from_json(one) for key, one in value.items()}
