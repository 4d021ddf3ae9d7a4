"""One Airflow DAG ``control__<service>`` for every policy beside this file."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import control_dags

globals().update(control_dags(Path(__file__).resolve().parent / "policies"))
