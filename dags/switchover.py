"""One Airflow DAG ``switchover__<service>`` for every policy beside this file that says how it moves."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import switchover_dags

globals().update(switchover_dags(Path(__file__).resolve().parent / "policies"))
