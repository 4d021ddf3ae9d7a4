"""The ways from Airflow's UI to Tidegate's pages: an entry in its navigation, a tab on the DAG, the run and the task,
and a link on each task."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/tidegate"


_PAGES = {
    "nav": "/",
    "dag": "/dags/{DAG_ID}",
    "dag_run": "/runs/{DAG_ID}/{RUN_ID}",
    "task": "/dags/{DAG_ID}",
    "task_instance": "/runs/{DAG_ID}/{RUN_ID}#node-{TASK_ID}",
}


def external_views() -> list[dict[str, Any]]:
    """Where Airflow's UI shows the pages, each in a frame. Airflow fills in the names in braces."""
    return [
        {
            "name": "Recovery",
            "href": f"{_mount()}{path}",
            "destination": place,
            "url_route": "recovery" if place == "nav" else f"recovery-{place.replace('_', '-')}",
        }
        for place, path in _PAGES.items()
    ]


def _mount() -> str:
    """The path that the pages are mounted at, below Airflow's own if it has one."""
    return urlsplit(conf.get("api", "base_url", fallback="") or "").path.rstrip("/") + PREFIX


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
