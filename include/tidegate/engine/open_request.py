"""What somebody asks for, before it is an operation."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind
from tidegate.model.release import Release


@dataclass(frozen=True)
class Request:
    """What somebody asked for. ``request_id``: the same on every retry. ``target``: the release to promote, the
    baseline to go back to (None: the newest other one), or the region to move to (None: the other one). ``exempt``: on
    what ground a promotion is to go on although a brake is on. ``fast_track``: a promotion that brings a baseline back
    without the canary steps. ``mix``: the release that a rollback's ``target`` means where it names a mix, as it was
    derived before the journal was asked. ``only``: what a failover moves, ``database``; empty: everything."""

    kind: OperationKind
    request_id: str
    requester: str
    reason: str
    target: str | None = None
    fast_lane: bool = False
    exempt: Exemption | None = None
    fast_track: bool = False
    mix: Release | None = None
    only: str = ""
