"""Metrics drivers: what the service's users saw, request by request, and running totals."""

from __future__ import annotations

from typing import Protocol

from tidegate.model.observation import Batch, Counters


class Metrics(Protocol):
    """Contract of the family.

    ``unit`` is ``"session"`` where sessions can be told apart, else ``"request"`` (then the stated false-alarm rate is
    not guaranteed, and is printed so). ``resolution``: seconds between an answer and its being visible here.
    """

    unit: str
    resolution: float

    def follow(self, cursor: str | None) -> Batch:
        """Observations that came after ``cursor`` (None: from now on). Never waits. Raises ``Unreachable``.

        Survives rotation and truncation of its source: nothing is delivered twice, nothing is skipped silently.
        """
        ...

    def counters(self) -> Counters:
        """Running totals. Raises ``Unreachable``."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if the source does not answer."""
        ...
