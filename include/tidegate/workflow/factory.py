"""Policies -> DAGs, for the files in ``dags/``. Never raises for a policy: that would freeze its running work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from airflow.sdk import DAG, get_parsing_context

from tidegate.model.operation import OperationKind
from tidegate.plan.contract import contract_plan, has_contract
from tidegate.plan.failover import failover_plan
from tidegate.plan.model import Plan
from tidegate.plan.moving import can_move
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.reprotect import reprotect_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.folder import load_folder
from tidegate.policy.load import Loaded
from tidegate.policy.places import snapshots
from tidegate.policy.schema import Policy
from tidegate.workflow.control import build_control, control_id
from tidegate.workflow.dag import build
from tidegate.workflow.drill import build_drill, drill_id
from tidegate.workflow.identity import Blueprint, dag_id
from tidegate.workflow.readiness import build_readiness, readiness_id

Planner = Callable[[Policy, str], Plan]


def promotion_dags(folder: Path) -> dict[str, DAG]:
    """``promote__<service>`` for every policy in the folder."""
    return dict(_dags(folder, OperationKind.PROMOTION, promotion_plan))


def rollback_dags(folder: Path) -> dict[str, DAG]:
    """``rollback__<service>`` for every policy in the folder."""
    return dict(_dags(folder, OperationKind.ROLLBACK, rollback_plan))


def contract_dags(folder: Path) -> dict[str, DAG]:
    """``contract__<service>`` for every policy in the folder that can contract."""
    return dict(_dags(folder, OperationKind.CONTRACT, contract_plan, has_contract))


def switchover_dags(folder: Path) -> dict[str, DAG]:
    """``switchover__<service>`` for every policy in the folder that says how it moves."""
    return dict(_dags(folder, OperationKind.SWITCHOVER, switchover_plan, can_move))


def failover_dags(folder: Path) -> dict[str, DAG]:
    """``failover__<service>`` for every policy in the folder that says how it moves."""
    return dict(_dags(folder, OperationKind.FAILOVER, failover_plan, can_move))


def reprotect_dags(folder: Path) -> dict[str, DAG]:
    """``reprotect__<service>`` for every policy in the folder that says how it moves."""
    return dict(_dags(folder, OperationKind.REPROTECT, reprotect_plan, can_move))


def control_dags(folder: Path) -> dict[str, DAG]:
    """``control__<service>`` for every policy in the folder."""
    return dict(_others(folder, control_id, build_control))


def readiness_dags(folder: Path) -> dict[str, DAG]:
    """``readiness__<service>`` for every policy in the folder."""
    return dict(_others(folder, readiness_id, build_readiness))


def drill_dags(folder: Path) -> dict[str, DAG]:
    """``drill__<service>`` for every policy in the folder that says what is rehearsed."""
    return dict(_others(folder, drill_id, build_drill, lambda policy: policy.drills is not None))


def _others(
    folder: Path,
    name_of: Callable[[str], str],
    build_one: Callable[[Loaded], DAG],
    fits: Callable[[Policy], bool] = lambda _: True,
) -> Iterator[tuple[str, DAG]]:
    """DAGs that carry no operation."""
    wanted = get_parsing_context().dag_id
    for loaded in load_folder(folder, snapshots(), record=wanted is None).policies:
        name = name_of(loaded.policy.service)
        if wanted in (None, name) and fits(loaded.policy):
            yield name, build_one(loaded)


def _dags(
    folder: Path, kind: OperationKind, planner: Planner, fits: Callable[[Policy], bool] = lambda _: True
) -> Iterator[tuple[str, DAG]]:
    """A worker, which is told the DAG that it needs, builds that one only; and keeps no snapshot of what it read."""
    wanted = get_parsing_context().dag_id
    for loaded in load_folder(folder, snapshots(), record=wanted is None).policies:
        name = dag_id(kind, loaded.policy.service)
        if wanted in (None, name) and fits(loaded.policy):
            yield name, build(Blueprint.of(loaded, planner(loaded.policy, loaded.digest)))
