"""One plan -> one DAG."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from airflow.sdk import DAG, BaseOperator, TaskGroup

from tidegate.model.operation import OperationKind
from tidegate.plan.model import ApprovalNode, Gate, Node, Phase, Stage
from tidegate.policy.schema import Policy
from tidegate.workflow.approvals import ApprovalOperator
from tidegate.workflow.bind import BindOperator
from tidegate.workflow.gates import GateSensor
from tidegate.workflow.identity import Blueprint, dag_id
from tidegate.workflow.loss_watcher import loss_asset
from tidegate.workflow.notices import callbacks
from tidegate.workflow.outcome import OutcomeOperator
from tidegate.workflow.owner_tag import owner_tag
from tidegate.workflow.params import params_of
from tidegate.workflow.retries import DELAY, RETRIES, retry_policy
from tidegate.workflow.rto_alert import rto_alert
from tidegate.workflow.runbook import runbook
from tidegate.workflow.skipping import task_ids
from tidegate.workflow.steps import StepOperator
from tidegate.workflow.watcher import guard_asset


def build(blueprint: Blueprint) -> DAG:
    """A chain: ``bind``, every node in its stage's group, ``outcome``. Its shape depends on the policy alone."""
    dag = _dag(blueprint)
    with dag:
        last: BaseOperator = BindOperator(blueprint=blueprint, task_id="bind")
        for stage in blueprint.plan.stages:
            with TaskGroup(stage.id, tooltip=stage.title):
                for task in _tasks(blueprint, stage):
                    last >> task
                    last = task
        last >> OutcomeOperator(blueprint=blueprint, task_id="outcome", trigger_rule="all_done", retries=0)
    return dag


def _dag(blueprint: Blueprint) -> DAG:
    policy, kind = blueprint.loaded.policy, blueprint.kind
    stale = {"stale-policy"} if blueprint.loaded.stale else set()
    return DAG(
        dag_id(kind, policy.service),
        description=f"{kind.value.capitalize()} of {policy.service}",
        schedule=_schedule(blueprint),
        deadline=rto_alert(blueprint),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        params=params_of(kind, tuple(policy.regions)),
        doc_md=runbook(blueprint.loaded, blueprint.plan),
        tags={"tidegate", policy.service, kind.value, owner_tag(policy.owners.of(kind))} | stale,
        default_args=_defaults(policy, kind),
        render_template_as_native_obj=False,
    )


def _schedule(blueprint: Blueprint) -> Any:
    """A rollback can be started by the standing guard, a failover by a loss where the policy says more than a page; the
    rest by people only."""
    if blueprint.kind is OperationKind.ROLLBACK:
        return [guard_asset(blueprint.service, blueprint.loaded.digest)]
    moves = blueprint.loaded.policy.failover
    if blueprint.kind is OperationKind.FAILOVER and moves is not None and moves.decide.then != "page":
        return [loss_asset(blueprint.service, blueprint.loaded.digest)]
    return None


def _defaults(policy: Policy, kind: OperationKind) -> dict[str, Any]:
    retrying = {"retries": RETRIES, "retry_delay": DELAY, "retry_policy": retry_policy()}
    told = {"owner": policy.owners.of(kind), **callbacks(policy)}
    return {**told, "trigger_rule": "none_failed", **retrying}  # the rule: see workflow/skipping.py


def _tasks(blueprint: Blueprint, stage: Stage) -> Iterator[BaseOperator]:
    for node in stage.nodes:
        yield from _node_tasks(blueprint, stage, node, _of_the_way_back(blueprint, stage, node))


def _of_the_way_back(blueprint: Blueprint, stage: Stage, node: Node) -> dict[str, Any]:
    """Its first task begins when everything before it is over, however it ended. The others wait for one another: where
    one is red, a person is needed, and clearing it lets the rest go on."""
    if stage.phase is not Phase.RETURN:
        return {}
    owner = {"owner": blueprint.loaded.policy.owners.of(blueprint.kind, going_back=True)}
    return {**owner, "trigger_rule": "all_done"} if node is stage.nodes[0] else owner


def _node_tasks(blueprint: Blueprint, stage: Stage, node: Node, extra: dict[str, Any]) -> Iterator[BaseOperator]:
    common: dict[str, Any] = {"blueprint": blueprint, "node": node.id, **extra}
    if isinstance(node, ApprovalNode):
        title = f"{blueprint.service}: {node.id.removeprefix(stage.id + '.')}"
        for task_id in task_ids(node):
            yield ApprovalOperator(task_id=_short(stage, task_id), title=title, **common)
        return
    operator = GateSensor if isinstance(node, Gate) else StepOperator
    yield operator(task_id=_short(stage, node.id), **common)


def _short(stage: Stage, node_id: str) -> str:
    """Inside its group a task is called by its own name; group and name make the node's id again."""
    return node_id.removeprefix(stage.id + ".")
