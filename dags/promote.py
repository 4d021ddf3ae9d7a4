"""One Airflow DAG ``promote__<service>`` for every policy beside this file."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.factory import promotion_dags

globals().update(promotion_dags(Path(__file__).resolve().parent / "policies"))
