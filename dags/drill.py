"""One Airflow DAG ``drill__<service>`` for every policy beside this file that says what is rehearsed."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import drill_dags

globals().update(drill_dags(Path(__file__).resolve().parent / "policies"))
