"""Faults that a drill puts into its environment on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable


class FaultKind(StrEnum):
    """What can be broken. Which of them an environment can break, its driver says."""

    REGION_DEAD = "region_dead"  # every process of a region is killed at once
    DATABASE_DEAD = "database_dead"  # the database of a region alone
    INSTANCE_DEAD = "instance_dead"  # one instance of the release that takes traffic there
    INSTANCE_STOPPED = "instance_stopped"  # stands still, keeps its connections
    SLOW = "slow"  # a release's slowest requests take `degree` times as long
    ERRORS = "errors"  # a part of a release's requests fails
    PARTITION = "partition"  # nothing passes between the regions
    DISK_FULL = "disk_full"  # the region's database finds no room for what it would write
    REPLICATION_LAG = "replication_lag"  # what passes between the databases takes `degree` seconds longer
    METRICS_BLIND = "metrics_blind"  # nothing is measured
    FLAGS_AWAY = "flags_away"  # the source of flags is gone
    DEPENDENCY_SLOW = "dependency_slow"  # what the service calls hangs
    AIRFLOW_DEAD = "airflow_dead"  # every process of Airflow's is killed, and none comes back
    EXPERIMENT = "experiment"  # somebody's own, by `name`: it puts in, and takes back, what it says itself


@dataclass(frozen=True)
class Fault:
    """``region``, ``version``: which it is about, where its kind is about one. ``degree``: how much, in the kind's own
    unit; a part from 0 to 1 for :attr:`FaultKind.ERRORS`. ``name``: of an experiment."""

    kind: FaultKind
    region: str = ""
    version: str = ""
    degree: float = 1.0
    name: str = ""

    def __str__(self) -> str:
        about = " of ".join(word for word in (self.name, self.version, self.region) if word)
        return f"{self.kind.value}{f' ({about})' if about else ''}"

    def to_json(self) -> dict[str, Any]:
        named = {"name": self.name} if self.name else {}
        return {"kind": self.kind.value, "region": self.region, "version": self.version, "degree": self.degree, **named}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Fault:
        degree, name = float(value["degree"]), str(value.get("name", ""))
        return cls(FaultKind(value["kind"]), value["region"], value["version"], degree, name)


@dataclass(frozen=True)
class Injected:
    """A fault that is there. ``until``: epoch seconds at which it goes by itself, whatever became of the drill."""

    id: str
    fault: Fault
    since: float
    until: float


class Faults(Protocol):
    """Contract of the family. Whoever holds a fault stands outside what it breaks, and lifts it by itself once its time
    is over: no drill that dies leaves its environment broken.

    Every call raises ``Unreachable``, ``OutcomeUnknown`` or ``Rejected`` as its errors say.
    """

    def kinds(self) -> frozenset[FaultKind]:
        """What can be broken here."""
        ...

    def inject(self, which: str, fault: Fault, lasts: float) -> Injected:
        """``fault`` is there when this returns, under the id ``which``, for ``lasts`` seconds at most. The same id
        again is the same fault: nothing is broken twice. Raises ``Refused`` for a kind that cannot be had, and for an
        id under which another fault is there."""
        ...

    def active(self) -> tuple[Injected, ...]:
        """What is there now."""
        ...

    def lift(self, which: str) -> None:
        """Nothing of it is there when this returns; nothing if it was not. What the service's own plans have to put
        right is left to them. Raises ``NotSettled`` if it did not come back."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if nobody answers."""
        ...


@dataclass(frozen=True)
class Told:
    """What an experiment says of itself. ``over``: its process has ended, and what it owed is taken back. ``wrong``:
    why it did not pass, in words; none while it runs. ``journal``: its own, without secrets; ``kept``: where that lies,
    ``digest`` of that file. ``experiment``: digest of what was run."""

    name: str
    over: bool
    status: str = ""
    wrong: tuple[str, ...] = ()
    rollbacks: str = ""
    experiment: str = ""
    kept: str = ""
    digest: str = ""
    journal: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Experimenting(Protocol):
    """What drivers that have :attr:`FaultKind.EXPERIMENT` offer besides."""

    def missing(self, name: str) -> str:
        """Why that experiment could not be run now, and what to do; "" if it can. Nothing is run."""
        ...

    def told(self, which: str) -> Told:
        """What became of it. Raises ``Refused`` if none was put in under that id."""
        ...
