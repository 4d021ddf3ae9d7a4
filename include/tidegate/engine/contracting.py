"""Where a contract stands: before its point of no return it gives way, behind it nothing takes it back. Pure."""

from __future__ import annotations

from tidegate.engine.view import OperationView
from tidegate.model.operation import OperationKind
from tidegate.plan.names import CONTRACT_NODE


def past_the_point(view: OperationView) -> bool:
    """Whether the contract may have been run: begun, and not known to have changed nothing."""
    if view.kind is not OperationKind.CONTRACT:
        return False
    return view.begun(CONTRACT_NODE)
