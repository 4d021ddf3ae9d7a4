"""What single rows of an operation tell: how a node stands, who said yes, who paused it, how a rung was judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.model.ladder import Rung


@dataclass(frozen=True)
class NodeState:
    """``status``: ``open`` (nothing yet), ``intended``, ``verified``, ``failed``. ``at``: of the last row about it.
    ``attempt``: the newest try of a scheduler that was seen at it, 0 if none."""

    status: str = "open"
    at: float | None = None
    detail: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    nothing_to_do: bool = False
    attempt: int = 0


@dataclass(frozen=True)
class Approval:
    """One person's yes, bound to a plan and to the evidence that was shown (empty in rows of before that was kept).
    ``envelope``: their signature, where no Airflow said who they are (:mod:`tidegate.engine.signatures`).
    ``in_time``: given before the time to answer was over, which does not run while the operation is paused."""

    node: str
    person: str
    plan_digest: str
    at: float
    in_time: bool = True
    evidence_digest: str = ""
    envelope: str = ""


@dataclass(frozen=True)
class Hold:
    """A person's pause: nothing of the plan goes on but a stop-loss. ``at``: epoch seconds. ``line``: it came with the
    line being stopped, and goes with it."""

    person: str
    why: str
    at: float
    line: bool = False


@dataclass(frozen=True)
class RungJudged:
    """``then``: ``stop`` (health and data are restored: the last rung), ``next`` (they are not: the ladder goes on),
    ``hold`` (a person is asked). ``at``: epoch seconds."""

    rung: Rung
    restored: bool
    then: str
    why: str
    at: float
