"""The route to a preview arm: a header's exact value, and where requests that carry it go."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tidegate.model.topology import Arm, Slot

HEADER = re.compile(r"x-[a-z0-9-]{1,62}")  # its own, never one that the web gives a meaning
VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")


@dataclass(frozen=True)
class PreviewRoute:
    """Requests whose ``header`` is exactly ``value`` go to ``arm``, and no others do.

    Raises ValueError for a name or a value that a router could read otherwise, or an arm that serves."""

    header: str
    value: str
    arm: Arm

    def __post_init__(self) -> None:
        if not HEADER.fullmatch(self.header):
            raise ValueError(f"not a header for previews: {self.header!r} (expected x-<name>, small letters)")
        if not VALUE.fullmatch(self.value):
            raise ValueError(f"not a value for a preview's header: {self.value[:80]!r}")
        if self.arm.slot is not Slot.PREVIEW:
            raise ValueError(f"{self.arm} is no preview arm")

    def __str__(self) -> str:
        return f"{self.header}={self.value};{self.arm}"

    @classmethod
    def parse(cls, text: str) -> PreviewRoute:
        """Inverse of ``str``. Raises ValueError."""
        match, _, arm = text.partition(";")
        header, _, value = match.partition("=")
        return cls(header, value, Arm.parse(arm))
