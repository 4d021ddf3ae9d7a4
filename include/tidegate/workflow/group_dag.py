"""Groups -> DAGs, for ``dags/groups.py``: one for each kind in which services move together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, TaskGroup, get_parsing_context

from tidegate.model.operation import OperationKind, group_dag_id
from tidegate.policy.group_folder import load_groups
from tidegate.policy.groups import Group, LoadedGroup
from tidegate.policy.places import snapshots
from tidegate.policy.schema import Policy
from tidegate.workflow.group_member import (
    GroupBlueprint,
    GroupMemberOperator,
    GroupOpenOperator,
    GroupOutcomeOperator,
)
from tidegate.workflow.params import group_params
from tidegate.workflow.retries import DELAY, RETRIES, retry_policy

KINDS = (OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT)
_DOC = """\
{description}

Moves {members} together: each by its own DAG, with its own approvals, fences and gates. **out**: what is needed moves
first. **back**: in reverse. Which of the two it is, is in the journal; tasks of the other one are skipped.
If one fails: {fails}. Then a person decides: `tidegate group go-on | go-back {group} --by <name> --reason <why>`.

How it stands: `tidegate status --group {group}`. Without Airflow: `tidegate run {kind} --group {group} …`.
"""
_FAILS = {"hold": "the rest is held", "go_on": "what does not need it goes on"}


def group_dags(folder: Path) -> dict[str, DAG]:
    """``failover_group__<group>`` and the like for every group beside the policies. Never raises for a file."""
    return dict(_dags(folder))


def _dags(folder: Path) -> Iterator[tuple[str, DAG]]:
    wanted = get_parsing_context().dag_id
    found = load_groups(folder, snapshots(), record=wanted is None)
    for loaded in found.groups:
        policies = {name: found.policies[name].policy for name in loaded.group.services}
        for kind in KINDS:
            name = group_dag_id(kind, loaded.group.group)
            if wanted in (None, name):
                yield name, build_group(loaded, policies, kind)


def build_group(loaded: LoadedGroup, policies: Mapping[str, Policy], kind: OperationKind) -> DAG:
    """``open``, each member in dependency order, each member in reverse, ``outcome``. A group is made whole again in
    any order, so that has no edges and no way back."""
    group, blueprint = loaded.group, GroupBlueprint(loaded.group, kind)
    ordered = kind is not OperationKind.REPROTECT
    with _dag(loaded, policies, kind) as dag:
        last: Any = GroupOpenOperator(blueprint=blueprint, task_id="open")
        for name, in_reverse in (("out", False), ("back", True)) if ordered else (("out", False),):
            with TaskGroup(name) as stage:
                _members(blueprint, in_reverse, group.needs if ordered else dict.fromkeys(group.services, ()))
            last >> stage
            last = stage
        last >> GroupOutcomeOperator(blueprint=blueprint, task_id="outcome", trigger_rule="all_done", retries=0)
    return dag


def _members(blueprint: GroupBlueprint, in_reverse: bool, needs: Mapping[str, tuple[str, ...]]) -> None:
    """A task for each member. The first ones on the way back begin when everything before them is over."""
    needed = {one for several in needs.values() for one in several}
    tasks = {}
    for name in needs:
        first = in_reverse and name not in needed
        rule = {"trigger_rule": "all_done"} if first else {}
        tasks[name] = GroupMemberOperator(blueprint=blueprint, member=name, in_reverse=in_reverse, task_id=name, **rule)
    for name, several in needs.items():
        for one in several:
            _ = tasks[name] >> tasks[one] if in_reverse else tasks[one] >> tasks[name]


def _dag(loaded: LoadedGroup, policies: Mapping[str, Policy], kind: OperationKind) -> DAG:
    group: Group = loaded.group
    regions = tuple(next(iter(policies.values())).regions)
    words = {"description": group.description, "members": ", ".join(group.services), "kind": kind.value}
    return DAG(
        group_dag_id(kind, group.group),
        description=f"{kind.value.capitalize()} of the group {group.group}",
        schedule=None,
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        params=group_params(kind, regions),
        doc_md=_DOC.format(**words, fails=_FAILS[group.when_one_fails], group=group.group),
        tags={"tidegate", "group", kind.value, *group.services} | ({"stale-policy"} if loaded.stale else set()),
        default_args={
            "owner": group.owners.failover,
            "trigger_rule": "none_failed",
            "retries": RETRIES,
            "retry_delay": DELAY,
            "retry_policy": retry_policy(),
        },
        render_template_as_native_obj=False,
    )
