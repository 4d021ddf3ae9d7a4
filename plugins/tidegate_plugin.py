"""Mounts Tidegate's pages in Airflow's API server. The only file here: each one below ``plugins/`` is run by its bare
name, and two of a name would overwrite each other."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from tidegate.ui.lazy import LazyApp


class TidegatePlugin(AirflowPlugin):
    """Who may read a page is decided by the application itself: what is mounted here has no authentication."""

    name = "tidegate"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyApp("tidegate.workflow.pages:application"), "url_prefix": "/tidegate", "name": "Tidegate"}
    ]
