"""Airflow DAGs ``failover_group__<group>``, ``switchover_group__`` and ``reprotect_group__`` for every group of services
in ``policies/groups`` beside this file."""

from __future__ import annotations

from pathlib import Path

from tidegate.workflow.group_dag import group_dags

globals().update(group_dags(Path(__file__).resolve().parent / "policies"))
