"""What happens when a run takes longer than the policy's deadline: it is said, and nothing is stopped."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, operation_id
from tidegate.workflow.identity import dag_id
from tidegate.workflow.worlds import world_for

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def deadline_alert(kind: OperationKind, service: str, seconds: float) -> DeadlineAlert:
    """Fires ``seconds`` after the run was queued. It only alerts: a time-out would skip the way back."""
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=timedelta(seconds=seconds),
        callback=AsyncCallback(missed, kwargs={"service": service, "kind": kind.value, "seconds": seconds}),
    )


async def missed(service: str, kind: str, seconds: float, context: Context | None = None) -> None:
    """A line in the triggerer's log and a note in the journal."""
    run: Any = (context or {}).get("dag_run") or {}
    await asyncio.to_thread(_note, service, OperationKind(kind), seconds, str(run.get("dag_run_id", "")))


def _note(service: str, kind: OperationKind, seconds: float, run_id: str) -> None:
    what = f"{dag_id(kind, service)} {run_id} is not at its end after {seconds:g} s, its deadline"
    log.error("%s", what)
    world = world_for(service)
    operation = operation_id(service, kind, f"{dag_id(kind, service)}/{run_id}") if run_id else None
    with world.journal.locked(service) as txn:
        txn.append(
            EventKind.NOTE, {"what": "deadline missed", "why": what}, actor="airflow deadline", operation=operation
        )
