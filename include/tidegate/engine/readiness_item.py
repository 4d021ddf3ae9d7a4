"""One item of readiness: what was looked at, whether it is ready, and what to do where it is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.errors import TidegateError


class State(StrEnum):
    """``NEVER``: what would say so has never been there (no drill was ever held): neither green nor red."""

    READY = "ready"
    NOT_READY = "not ready"
    NEVER = "never"


@dataclass(frozen=True)
class Item:
    """``of``: the version or the region, empty for what is about neither. ``away``: the region that was thought away,
    if any. ``do``: what to do about it, empty where it is ready."""

    what: str
    state: State
    why: str
    do: str = ""
    of: str = ""
    away: str = ""

    @property
    def ready(self) -> bool:
        return self.state is State.READY

    def to_json(self) -> dict[str, Any]:
        """``ready`` is true for green alone; ``state`` tells red from never, and was added to version 1."""
        told = {"what": self.what, "of": self.of, "away": self.away, "ready": self.ready, "why": self.why}
        return {**told, "do": self.do, "state": self.state.value}


def item(what: str, look: Callable[[], str], do: str, *, of: str = "", away: str = "") -> Item:
    """``look`` says in words why it is ready, and raises where it is not: the error's next step is what to do, or
    ``do`` where it has none. What cannot be looked at is not ready."""
    try:
        return Item(what, State.READY, look(), "", of, away)
    except TidegateError as error:
        return Item(what, State.NOT_READY, error.message, error.next_step or do, of, away)


def red(what: str, why: str, do: str, *, of: str = "") -> Item:
    """It is not ready."""
    return Item(what, State.NOT_READY, why, do, of)


def never(what: str, why: str, do: str, *, of: str = "") -> Item:
    """Nothing is there yet that could say it."""
    return Item(what, State.NEVER, why, do, of)
