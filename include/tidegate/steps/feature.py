"""What the verbs share that take a feature away for a time, and bring it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.journal.model import EventKind
from tidegate.model.flags import FlagFact, Setting
from tidegate.steps.contract import StepWorld

Record = tuple[EventKind, Mapping[str, Any]]


def set_rows(world: StepWorld, now: Mapping[str, Setting], was: Mapping[str, Setting]) -> Iterator[Record]:
    """A row for each flag, as every write of a flag has one; who brought it, and how it stood before that, stays."""
    for key, setting in sorted(now.items()):
        fact = world.known.flags.get(key) or FlagFact(setting, was[key], world.binding.stable.version)
        rows = {key: {"now": setting.to_json(), "before": fact.before.to_json()}}
        yield (
            EventKind.FLAGS_SET,
            {"flags": rows, "version": fact.version, "by": world.requester, "why": world.reason},
        )
