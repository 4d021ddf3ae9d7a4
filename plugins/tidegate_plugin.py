"""Mounts Tidegate's pages in Airflow's API server. The only file here: each one below ``plugins/`` is run by its bare
name, and two of a name would overwrite each other."""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from tidegate.ui.lazy import LazyApp
from tidegate.workflow.links import PREFIX, external_views
from tidegate.workflow.run_began import RunBegan


def _application() -> Any:
    from tidegate.model.roles import Action
    from tidegate.ui.app import create_app
    from tidegate.ui.doors import Doors
    from tidegate.ui.reading import reading_journal
    from tidegate.workflow import access, pages

    return create_app(
        Doors(
            open_journal=reading_journal,
            services=pages.services,
            may_read=access.may_read,
            readers=access.sees,
            may_control=access.may(Action.CONTROL),
            control=pages.control,
            service_of=pages.service_of,
            operation_of=pages.operation_of,
            run_state=pages.run_state,
            owners=pages.owners,
        )
    )


class TidegatePlugin(AirflowPlugin):
    """What is mounted here has no authentication of its own: the application asks Airflow at every page."""

    name = "tidegate"
    fastapi_apps: ClassVar[list[dict[str, Any]]] = [
        {"app": LazyApp(_application), "url_prefix": PREFIX, "name": "Tidegate"}
    ]
    deadline_references: ClassVar[list[Any]] = [RunBegan]
    external_views: ClassVar[list[dict[str, Any]]] = external_views()
