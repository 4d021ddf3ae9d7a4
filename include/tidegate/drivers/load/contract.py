"""Users for a drill: as many, and as they are, as in production."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tidegate.model.drill import Users


@dataclass(frozen=True)
class LoadProfile:
    """``rate``: requests in a second. ``sessions``: at the same time. ``mix``: endpoint class -> its part of all
    requests; empty: as the users' own program has it."""

    rate: float
    sessions: int
    mix: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {"rate": self.rate, "sessions": self.sessions, "mix": dict(self.mix)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LoadProfile:
        mix = {str(name): float(part) for name, part in value["mix"].items()}
        return cls(float(value["rate"]), int(value["sessions"]), mix)


@dataclass(frozen=True)
class Seen:
    """What users saw in a window, by their own record. ``first_failed``, ``last_failed``: epoch seconds at which a
    request that failed was answered, None if none did. ``served_again``: seconds from the window's begin until writes
    were acknowledged again and stayed so for a second; None if they never were, or if the users write nothing."""

    users: Users
    first_failed: float | None = None
    last_failed: float | None = None
    served_again: float | None = None


class Load(Protocol):
    """Contract of the family. Users go by themselves once their time is over. ``which``: the run's id; the same again
    is the same run. Every call raises ``Unreachable``, ``OutcomeUnknown`` or ``Rejected`` as its errors say."""

    def start(self, which: str, profile: LoadProfile, lasts: float) -> None:
        """Begin to bring users, for ``lasts`` seconds at most."""
        ...

    def ready(self, which: str) -> bool:
        """Whether the users are all there, and come as often as they should. Raises ``NotSettled`` if they have
        gone."""
        ...

    def seen(self, which: str, since: float, until: float) -> Seen:
        """Raises ``Refused`` for a run that is not known."""
        ...

    def running(self) -> tuple[str, ...]:
        """Runs whose users are there."""
        ...

    def stop(self, which: str) -> None:
        """The users finish their last request, and are gone when this returns. Nothing if they were not there. What
        they saw can still be asked for."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if nobody answers."""
        ...
