"""One Airflow DAG ``contract__<service>`` for every policy beside this file that has migrations and people to ask."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import contract_dags

globals().update(contract_dags(Path(__file__).resolve().parent / "policies"))
