"""Airflow's own alert that the RTO is over: a deadline of the failover's run, with a reference of its own.

Airflow 3.3.2 cannot clear a run whose deadline counts from ``DAGRUN_QUEUED_AT`` (decision 11). This one counts from
when the run began as well, and is left alone by clearing. Its class is registered by Tidegate's plugin: a scheduler
without it could not begin the run at all, so where the plugin is not loaded there is no alert, and that is said.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import get_parsing_context
from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert

from tidegate.engine.objectives import note_rto
from tidegate.engine.watchkeeping import open_operation_of
from tidegate.model.operation import OperationKind
from tidegate.workflow.notices import tell_quietly
from tidegate.workflow.run_began import RunBegan
from tidegate.workflow.worlds import paper_world

if TYPE_CHECKING:
    from tidegate.workflow.identity import Blueprint

log = logging.getLogger(__name__)

ACTOR = "airflow deadline"


def rto_alert(blueprint: Blueprint) -> DeadlineAlert | None:
    """For ``failover__<service>`` whose policy has an RTO. A worker, which runs one task of it, needs none."""
    rto = blueprint.loaded.policy.objectives.rto
    if blueprint.kind is not OperationKind.FAILOVER or rto is None or get_parsing_context().dag_id is not None:
        return None
    if not _registered():
        log.warning(
            "failover__%s has no alert of Airflow's on its RTO: Tidegate's plugin is not loaded", blueprint.service
        )
        return None
    callback = AsyncCallback(rto_is_over, kwargs={"service": blueprint.service})
    return DeadlineAlert(reference=RunBegan(), interval=timedelta(seconds=rto), callback=callback, name="RTO")


def _registered() -> bool:
    from airflow.plugins_manager import get_deadline_references_plugins

    return f"{RunBegan.__module__}.{RunBegan.__qualname__}" in get_deadline_references_plugins()


async def rto_is_over(service: str, **_: Any) -> None:
    """Runs in the triggerer. What counts is the journal: nothing is said of a service that is back."""
    await asyncio.to_thread(tell, service)


def tell(service: str) -> str:
    """Note it once, whoever is first; the words, empty if there was nothing to say."""
    world = paper_world(service)
    view = open_operation_of(world)
    words = note_rto(world, view, ACTOR) if view is not None else ""
    if view is not None and words:
        log.critical("%s: %s", service, words)
        tell_quietly(service, view.id, ACTOR)
    return words
