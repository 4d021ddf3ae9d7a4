"""A drill: a fault that is put in on purpose, the plans that answer it, and what that took. Values only.

A drill is of one service and has its scenarios one after the other, each on the environment that the policy names. It
leaves rows in the service's own chain; the operations that it has others begin stand in the environment's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Scenario(StrEnum):
    """What is rehearsed."""

    BAD_RELEASE = "bad_release"
    BAD_RELEASE_LATE = "bad_release_late"
    REGION_LOSS = "region_loss"
    DATABASE_LOSS = "database_loss"
    DEPENDENCY_SLOW = "dependency_slow"
    MONITORING_BLIND = "monitoring_blind"
    EXPERIMENT = "experiment"
    RESTORE = "restore"
    AIRFLOW_LOST = "airflow_lost"


class Phase(StrEnum):
    """The parts of a scenario, in their order. Each has a row in the journal once it is over."""

    READY = "preconditions"
    STEADY = "steady state"
    FAULT = "fault"
    ANSWER = "answer"
    HOME = "way back"
    AGAIN = "steady state again"
    EMPTY = "nothing left"


@dataclass(frozen=True)
class Times:
    """Seconds from the fault: until it was noticed (``detect``), from there until an operation was begun (``decide``),
    waited for people (``wait``), until what users need was done (``act``), until that was proved (``verify``).
    ``total``: from the fault until users were served again. None: not measured, or it does not apply."""

    detect: float | None = None
    decide: float | None = None
    wait: float | None = None
    act: float | None = None
    verify: float | None = None
    total: float | None = None

    @property
    def measured(self) -> dict[str, float]:
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class Users:
    """What the drill's users saw from the fault until the answer was at its end. ``lost``: writes that were
    acknowledged and are not there; None: nobody could say."""

    requests: int = 0
    failed: int = 0
    sessions_broken: int = 0
    lost: int | None = None


@dataclass(frozen=True)
class DrillResult:
    """One scenario of one drill. ``wrong``: every reason why it failed, none if it passed. ``kind``: of the operation
    that answered, "" if none was to; ``plan``: its plan's digest. ``steps``: seconds by node. ``flagged``: what was
    slower than it used to be: no failure. ``environment``: where it was held. ``served``: seconds from the fault until
    writes were acknowledged again, as the users themselves saw it; None: never, or they write nothing.
    ``game_day``: people answered it who did not know what was coming. ``behind``: seconds that a restored copy lacks of
    the newest writes; None where nothing is restored."""

    drill: str
    scenario: Scenario
    environment: str
    began: float
    ended: float
    wrong: tuple[str, ...] = ()
    kind: str = ""
    operation: str = ""
    plan: str = ""
    outcome: str = ""
    times: Times = Times()
    users: Users = Users()
    served: float | None = None
    rto_target: float | None = None
    rpo_target: float | None = None
    steps: Mapping[str, float] = field(default_factory=dict)
    flagged: tuple[str, ...] = ()
    game_day: bool = False
    behind: float | None = None

    @property
    def ok(self) -> bool:
        return not self.wrong

    @property
    def restored(self) -> float | None:
        """Seconds without the service: what the users saw where they could say, else what the journal has."""
        return self.times.total if self.served is None else self.served

    @property
    def rto_met(self) -> bool | None:
        """None without a target, or where there was nothing to restore."""
        if self.rto_target is None or self.restored is None:
            return None
        return self.restored <= self.rto_target

    @property
    def rpo_met(self) -> bool | None:
        """Of a restored copy. None without a target, or where there is none."""
        if self.rpo_target is None or self.behind is None:
            return None
        return self.behind <= self.rpo_target

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "scenario": self.scenario.value, "steps": dict(self.steps), "ok": self.ok}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> DrillResult:
        given = {key: value[key] for key in cls.__dataclass_fields__ if key in value}
        parts = {"scenario": Scenario(value["scenario"]), "times": Times(**value["times"])}
        lists = {key: tuple(value.get(key) or ()) for key in ("wrong", "flagged")}
        return cls(**{**given, **parts, **lists, "users": Users(**value["users"])})
