"""One Airflow DAG ``reprotect__<service>`` for every policy beside this file that says how it moves."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import reprotect_dags

globals().update(reprotect_dags(Path(__file__).resolve().parent / "policies"))
