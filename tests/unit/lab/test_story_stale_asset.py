"""A stale asset in the story: when the gate has had time to see it, and what is told as a mistake."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.story.stale_asset import LOOKED_FOR, PLACED, complaints, waits_for_it
from tidegate.plan.consistency import NODE


@dataclass
class View:
    """As much of an operation as is asked. ``at``: when a node was verified."""

    at: dict[str, float] = field(default_factory=dict)

    def verified(self, node: str) -> bool:
        return node in self.at

    def node(self, node: str) -> Any:
        return type("Node", (), {"at": self.at.get(node)})


@pytest.mark.parametrize(
    ("ago", "opened", "due"), [(None, False, False), (0, False, False), (LOOKED_FOR + 1, False, True), (0, True, True)]
)
def test_the_gate_has_time_to_look(ago: float | None, opened: bool, due: bool) -> None:
    now = time.time()
    at = ({} if ago is None else {PLACED: now - ago}) | ({NODE: now} if opened else {})
    assert waits_for_it(View(at)) is due  # type: ignore[arg-type]


@pytest.mark.parametrize("found", [None, {"waited": False, "purged": True}, {"waited": True, "purged": False}])
def test_what_was_not_caught_or_not_purged_is_a_mistake(found: Any) -> None:
    (told,) = complaints(found)
    assert "expected to be waited for, and purged" in told


def test_as_it_is_meant() -> None:
    assert list(complaints({"waited": True, "purged": True})) == []
