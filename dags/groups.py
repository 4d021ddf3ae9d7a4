"""Airflow DAGs ``failover_group__<group>``, and to switch over and reprotect, for every group in ``policies/groups``."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.group_dag import group_dags

globals().update(group_dags(Path(__file__).resolve().parent / "policies"))
