"""What a driver may offer besides its family's contract, so that readiness can ask before a move has to. Only looks."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class TellsTime(Protocol):
    """A system with a clock of its own in each region."""

    def clock(self, region: str) -> float:
        """Its time now, epoch seconds, to the second or better. Raises ``Unreachable``, ``Rejected``."""
        ...


@runtime_checkable
class KnowsRights(Protocol):
    """A system that can say whether its log-ins may do what the moving verbs take."""

    def rights(self, region: str) -> str:
        """What was tried, in words, each as really as it can be without effect. Raises ``Refused`` naming what is not
        allowed or not set, ``Rejected``, ``Unreachable``."""
        ...
