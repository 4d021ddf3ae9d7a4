"""One Airflow DAG ``readiness__<service>`` for every policy beside this file."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import readiness_dags

globals().update(readiness_dags(Path(__file__).resolve().parent / "policies"))
