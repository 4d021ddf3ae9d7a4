"""From when the deadline of a failover's run counts. Alone in its file: Tidegate's plugin is loaded everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.sdk.definitions.deadline import BaseDeadlineReference

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.orm import Session


class RunBegan(BaseDeadlineReference):
    """When the run was queued, or is to run. The loss itself began before: who is late by this is late by the RTO."""

    required_kwargs = frozenset({"dag_id", "run_id"})

    def _evaluate_with(self, *, session: Session, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import func, select

        began = func.coalesce(DagRun.queued_at, DagRun.run_after)
        found: datetime | None = session.scalar(select(began).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        return found
