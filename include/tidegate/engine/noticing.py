"""That people were told of an operation, once for each point of it: claimed in the journal before, told after.

Whoever sees a point first claims it; the others find it claimed. A claim comes before the message, so that no message
goes out twice; whoever ends in between leaves a claim without an answer, and that is told as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.model.notice import Point

UNTOLD_AFTER = 60.0  # seconds after which a claim without an answer is given up
NOT_KNOWN = "whoever was to tell them ended before it said so: it is not known whether it arrived"
_KINDS = frozenset({EventKind.NOTICE})


@dataclass(frozen=True)
class Claim:
    """One point of an operation, and who is to be told of it."""

    point: Point
    key: str
    to: tuple[str, ...]


@dataclass(frozen=True)
class Untold:
    """A point of which not everybody could be told. ``failed``: receiver -> why."""

    key: str
    failed: Mapping[str, str]

    @property
    def words(self) -> str:
        who = "; ".join(f"{name}: {why}" for name, why in self.failed.items())
        return f"not everybody was told of {self.key}: {who}"


def claim(world: World, operation: str, wanted: Iterable[Claim], *, actor: str) -> list[Claim]:
    """Take what nobody has taken yet, in one transaction; what is returned is to be told now."""
    with world.journal.locked(world.service) as txn:
        taken = {str(row.body["key"]) for row in txn.events(operation=operation, kinds=_KINDS)}
        mine = list[Claim]()
        for one in wanted:
            if one.to and one.key not in taken:
                taken.add(one.key)
                mine.append(one)
                body = {"key": one.key, "point": one.point.value, "to": list(one.to), "what": f"telling {_names(one)}"}
                txn.append(EventKind.NOTICE, body, actor=actor, operation=operation)
    return mine


def _names(one: Claim) -> str:
    return f"{', '.join(one.to)}: {one.key}"


def tell_result(world: World, operation: str, one: Claim, failed: Mapping[str, str], *, actor: str) -> None:
    """What came of it; once."""
    with world.journal.locked(world.service) as txn:
        if any(_answers(row, one.key) for row in txn.events(operation=operation, kinds=_KINDS)):
            return
        body: dict[str, Any] = {
            "key": one.key,
            "point": one.point.value,
            "told": [name for name in one.to if name not in failed],
            "failed": dict(failed),
            "what": Untold(one.key, failed).words if failed else f"told {_names(one)}",
        }
        txn.append(EventKind.NOTICE, body, actor=actor, operation=operation)


def _answers(row: Event, key: str) -> bool:
    return row.body["key"] == key and "told" in row.body


def given_up(rows: Sequence[Event], now: float) -> list[Claim]:
    """Claims of which nobody said what came of them. Pure."""
    answered = {str(row.body["key"]) for row in rows if row.kind is EventKind.NOTICE and "told" in row.body}
    return [
        Claim(Point(row.body["point"]), str(row.body["key"]), tuple(row.body["to"]))
        for row in rows
        if row.kind is EventKind.NOTICE
        and "told" not in row.body
        and row.body["key"] not in answered
        and now - row.at > UNTOLD_AFTER
    ]


def untold(rows: Iterable[Event]) -> list[Untold]:
    """Of one operation: what did not reach everybody. Pure."""
    return [
        Untold(str(row.body["key"]), row.body["failed"])
        for row in rows
        if row.kind is EventKind.NOTICE and row.body.get("failed")
    ]
