"""Airflow DAGs ``failover_group__<group>``, to switch over and to reprotect, for each group in ``policies/groups``."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.group_dag import group_dags

globals().update(group_dags(Path(__file__).resolve().parent / "policies"))
