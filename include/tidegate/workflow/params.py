"""The trigger forms. What people type is checked here, and never reaches a template field."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param

from tidegate.engine.partial import PARTS
from tidegate.model.exemption import Exemption
from tidegate.model.operation import MOVING, OperationKind

VERSION = r"^[0-9A-Za-z][0-9A-Za-z.+_@-]{0,127}$(?!\n)"  # Python's $ alone lets a last line break pass
OPERATION = r"^[0-9a-z][0-9a-z._-]{0,127}$(?!\n)"
_REASON: dict[str, Any] = {"minLength": 3, "maxLength": 500}


def params_of(kind: OperationKind, regions: tuple[str, ...] = ()) -> dict[str, Any]:
    """The typed params of the kind's DAG. ``regions``: of the service, for the kinds that move it."""
    if kind in MOVING:
        return _moving(kind, regions)
    return {OperationKind.PROMOTION: _promotion, OperationKind.CONTRACT: _contract}.get(kind, _rollback)()


def control_params() -> dict[str, Any]:
    """The form of ``control__<service>``."""
    return {
        "action": Param(
            type="string",
            enum=["pause", "resume", "abort"],
            title="Action",
            description="Abort takes the candidate's traffic away at once; a pause leaves the weights as they are.",
        ),
        "reason": Param(type="string", title="Reason", description="Why, for the journal.", **_REASON),
        "operation": Param(
            None,
            type=["null", "string"],
            pattern=OPERATION,
            title="Operation",
            description="Its id. Empty: the one that is open.",
        ),
    }


def _promotion() -> dict[str, Any]:
    return {
        "version": Param(
            type="string",
            pattern=VERSION,
            title="Version",
            description="The release to promote, like 1.1.0. `tidegate plan` lists what is on offer.",
        ),
        "reason": Param(type="string", title="Reason", description="Why, for the journal and the catalog.", **_REASON),
        "exempt": Param(
            None,
            type=["null", "string"],
            enum=[None, *(exemption.value for exemption in Exemption)],
            title="Exemption",
            description="On what ground it is to go on although the line is stopped, the change window is shut or the "
            "error budget is spent. Journalled in your name.",
        ),
        "fast_track": Param(
            False,
            type="boolean",
            title="Fast track",
            description="Bring back a baseline without the canary steps, if it was certified lately.",
        ),
    }


def _moving(kind: OperationKind, regions: tuple[str, ...]) -> dict[str, Any]:
    """A failover has defaults for all, since an event can start it as well."""
    if kind is OperationKind.REPROTECT:
        return _contract()
    if kind is OperationKind.SWITCHOVER:
        words = "The region to go to; the other one is left. The one that the policy calls primary is home."
        to = Param(type="string", enum=list(regions), title="Target", description=words)
        return {"target": to, **_contract()}
    words = "The region that takes over. Empty: the one that does not take writes now."
    to = Param(None, type=["null", "string"], enum=[None, *regions], title="Target", description=words)
    why = "Why, for the journal. It may be empty when seconds count."
    part = "Only the database of the region is lost: traffic stays where it is. Empty: everything moves."
    return {
        "target": to,
        "reason": Param(None, type=["null", "string"], title="Reason", description=why, **_REASON),
        "only": Param(None, type=["null", "string"], enum=[None, *PARTS], title="Only", description=part),
    }


def group_params(kind: OperationKind, regions: tuple[str, ...]) -> dict[str, Any]:
    """The form of a group's DAG: as a service's, but that a group moves whole."""
    return {name: param for name, param in _moving(kind, regions).items() if name != "only"}


def _contract() -> dict[str, Any]:
    return {"reason": Param(type="string", title="Reason", description="Why, for the journal.", **_REASON)}


def _rollback() -> dict[str, Any]:
    """All have defaults, since an event can start this DAG as well."""
    return {
        "target": Param(
            None,
            type=["null", "string"],
            pattern=VERSION,
            title="Target",
            description="A certified baseline, like 1.0.0. Empty: the newest one before what runs now.",
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            title="Reason",
            description="Why, for the journal. It may be empty when seconds count.",
            **_REASON,
        ),
        "fast_lane": Param(
            False,
            type="boolean",
            title="Fast lane",
            description="Take all traffic off at once, even if the stable instances may be overrun.",
        ),
    }
