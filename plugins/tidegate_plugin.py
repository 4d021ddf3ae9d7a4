"""Mounts Tidegate's pages in Airflow's API server. The only file here: each one below ``plugins/`` is run by its bare
name, and two of a name would overwrite each other."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from tidegate.ui.lazy import LazyApp


def _application() -> Any:
    from tidegate.ui.app import create_app
    from tidegate.ui.reading import reading_journal
    from tidegate.workflow.access import may_read

    return create_app(reading_journal, may_read)


class TidegatePlugin(AirflowPlugin):
    """What is mounted here has no authentication of its own: the application asks Airflow at every page."""

    name = "tidegate"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyApp(_application), "url_prefix": "/tidegate", "name": "Tidegate"}
    ]
