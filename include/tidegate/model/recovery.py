"""How long users were without the service while an operation moved it, and what was lost by that: in figures.

Objectives: RTO, from the loss of a region until the service takes writes again; RPO, the age of the newest write that
may be lost with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PREPARE, DETECT, DECIDE, WAIT = "prepare", "detect", "decide", "human wait"
ACT, VERIFY, RESTORE = "act", "verify", "restore"


@dataclass(frozen=True)
class StageTime:
    """``seconds`` until now while it is ``running``. ``counts``: it is part of the RTO."""

    name: str
    seconds: float
    running: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Loss:
    """What the new primary may lack. ``bytes``: of write-ahead log; ``exact``: else it is the least that it can be.
    ``seconds``: the time in which the lost writes were made, at most; 0 where nothing is lost. None: not known."""

    bytes: int | None = None
    seconds: float | None = None
    exact: bool = False

    @property
    def nothing(self) -> bool:
        """It is proved, or on record, that no acknowledged write is lost."""
        return self.exact and self.bytes == 0


@dataclass(frozen=True)
class Recovery:
    """``began``: epoch seconds from which users were without the service, and ``known_by`` what. ``gone``: seconds from
    there until users were served again, or until now. ``back``: writer and traffic were read back as moved; ``proved``:
    a write was made there after. ``forecast``: seconds that ``gone`` is expected to come to, by ``forecast_by``; None
    once it is back. ``green``: seconds until the vantage points saw the new primary as well, None if not yet.
    ``restored``: seconds until the operation was at its end. ``nodes``: seconds by node."""

    operation: str
    kind: str
    began: float
    known_by: str
    stages: tuple[StageTime, ...]
    gone: float
    back: bool
    proved: bool
    closed: bool
    rto_target: float | None
    rpo_target: float | None
    loss: Loss
    forecast: float | None = None
    forecast_by: str = ""
    restored: float | None = None
    green: float | None = None
    nodes: Mapping[str, float] = field(default_factory=dict)

    @property
    def rto(self) -> float | None:
        """Measured, None until a write has proved it."""
        return self.gone if self.proved else None

    @property
    def rto_met(self) -> bool | None:
        """None without a target, and while it is open. It is missed as soon as the time is over."""
        if self.rto_target is None:
            return None
        if self.gone > self.rto_target or (self.closed and not self.proved):
            return False
        return True if self.proved else None

    @property
    def rpo_met(self) -> bool | None:
        """None without a target, and where the loss is not known."""
        if self.rpo_target is None or self.loss.seconds is None:
            return None
        return self.loss.seconds <= self.rpo_target

    @property
    def waited(self) -> float:
        """Seconds of ``gone`` in which it waited for people."""
        return sum(stage.seconds for stage in self.stages if stage.name == WAIT)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "nodes": dict(self.nodes), "rto_met": self.rto_met, "rpo_met": self.rpo_met}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Recovery:
        given = {key: value[key] for key in cls.__dataclass_fields__ if key in value}
        stages = tuple(StageTime(**stage) for stage in value["stages"])
        return cls(**{**given, "stages": stages, "loss": Loss(**value["loss"])})
