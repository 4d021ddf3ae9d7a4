"""The link from a task in Airflow's UI to the operation's report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/tidegate"


class ReportLink(BaseOperatorLink):
    """On every task, failed ones too."""

    name = "Tidegate report"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:
        """Address of the report, below Airflow's own."""
        blueprint = operator.blueprint
        return report_address(blueprint.service, blueprint.operation(ti_key.run_id))


def report_address(service: str, operation: str) -> str:
    base = conf.get("api", "base_url", fallback="") or ""
    return f"{base.rstrip('/')}{PREFIX}/operations/{service}/{operation}"
