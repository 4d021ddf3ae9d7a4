"""One Airflow DAG ``rollback__<service>`` for every policy beside this file."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import rollback_dags

globals().update(rollback_dags(Path(__file__).resolve().parent / "policies"))
