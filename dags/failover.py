"""One Airflow DAG ``failover__<service>`` for every policy beside this file that says how it moves."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import failover_dags

globals().update(failover_dags(Path(__file__).resolve().parent / "policies"))
