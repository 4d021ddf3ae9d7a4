"""What an operation found when it began: a plan's roles, bound to the observed world."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tidegate.model.release import Release, SecretVersion
from tidegate.model.topology import Arm, Slot


def release_to_json(release: Release) -> dict[str, Any]:
    secrets = {secret.name: secret.version for secret in release.secrets}
    lists = {"flags": list(release.flags), "flags_on": list(release.flags_on), "smoke": list(release.smoke)}
    value = {**asdict(release), **lists, "secrets": secrets}
    for later in ("components", "parents"):  # rows of releases without them are as they always were
        if not value[later]:
            del value[later]
    return value


def release_from_json(value: Mapping[str, Any]) -> Release:
    """Rows of before releases had configuration, secrets, defaults of flags or components are read as having none."""
    secrets = tuple(SecretVersion(name, version) for name, version in sorted(value.get("secrets", {}).items()))
    lists = {name: tuple(value.get(name, ())) for name in ("flags", "flags_on", "smoke")}
    return Release(**{**value, **lists, "secrets": secrets})


@dataclass(frozen=True)
class Binding:
    """Roles of an operation. ``candidate_version`` and, once verified, its digest stand in the step results.

    In a promotion the candidate is the new release; in a rollback it is the release that is being left, and ``stable``
    is the baseline that is gone back to. ``fast_track``: digest of the baseline that a promotion brings back without
    the canary steps, empty for any other. ``settled_by``: the promotion that gave way to this rollback and ended where
    it wants to go, so that nothing is left to do; empty for any other. ``source``, ``target``: of an operation that
    moves the service, the region that is left and the one that is gone to. ``shares``: the regions' parts of all
    traffic (basis points) when it was opened; empty where they are the policy's. ``final``: what a moving operation
    makes of them. ``preview``: the region of a preview arm, empty for operations on the arms that serve. ``only``: the
    part of the service that a failover moves, ``database``; empty: everything. ``superseded``: the operation that such
    a one took the service from. ``restored``: what is put in the live database's place, by ``id``, as it was when it
    was checked; empty for any other operation.
    """

    stable_slot: Slot
    stable: Release
    candidate_version: str
    fast_lane: bool = False
    fast_track: str = ""
    settled_by: str = ""
    source: str = ""
    target: str = ""
    shares: Mapping[str, int] = field(default_factory=dict)
    final: Mapping[str, int] = field(default_factory=dict)
    preview: str = ""
    only: str = ""
    superseded: str = ""
    restored: Mapping[str, Any] = field(default_factory=dict)

    @property
    def candidate_slot(self) -> Slot:
        return self.stable_slot.other

    def slot(self, role: str) -> Slot:
        """``stable``, ``candidate`` or ``preview`` -> slot. Raises ValueError for another role."""
        if role == "preview":
            return Slot.PREVIEW
        if role not in ("stable", "candidate"):
            raise ValueError(f"unknown role {role!r} (expected stable or candidate)")
        return self.stable_slot if role == "stable" else self.candidate_slot

    def region(self, name: str) -> str:
        """``source``, ``target`` and ``preview`` -> the region that has the role; a region's own name is itself."""
        return {"source": self.source, "target": self.target, "preview": self.preview}.get(name) or name

    def arm(self, region: str, role: str) -> Arm:
        return Arm(self.region(region), self.slot(role))

    def to_json(self) -> dict[str, Any]:
        return {
            "stable_slot": self.stable_slot.value,
            "stable": release_to_json(self.stable),
            "candidate_version": self.candidate_version,
            "fast_lane": self.fast_lane,
            **({"fast_track": self.fast_track} if self.fast_track else {}),
            **({"settled_by": self.settled_by} if self.settled_by else {}),
            **({"source": self.source, "target": self.target} if self.source else {}),
            **({"shares": dict(self.shares)} if self.shares else {}),
            **({"final": dict(self.final)} if self.final else {}),
            **({"preview": self.preview} if self.preview else {}),
            **({"only": self.only} if self.only else {}),
            **({"superseded": self.superseded} if self.superseded else {}),
            **({"restored": dict(self.restored)} if self.restored else {}),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Binding:
        return cls(
            Slot(value["stable_slot"]),
            release_from_json(value["stable"]),
            value["candidate_version"],
            value.get("fast_lane", False),
            value.get("fast_track", ""),
            value.get("settled_by", ""),
            value.get("source", ""),
            value.get("target", ""),
            dict(value.get("shares", {})),
            dict(value.get("final", {})),
            value.get("preview", ""),
            value.get("only", ""),
            value.get("superseded", ""),
            dict(value.get("restored", {})),
        )
