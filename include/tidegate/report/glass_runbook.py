"""The runbook of a break-glass bundle: what to type, in order, when Airflow, a region, or the journal is gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tidegate.model.operation import MOVING, OperationKind, dag_id
from tidegate.plan.describe import describe
from tidegate.plan.model import ApprovalNode, Phase, Plan
from tidegate.policy.schema import Policy

_WHO = "--by NAME --reason WHY"


def runbook(policy: Policy, plans: Mapping[str, Plan], variables: Iterable[str]) -> str:
    """Markdown. ``variables``: names of the environment variables that hold connections; never a value."""
    return "\n".join([*_before(policy, variables), *_commands(policy, plans), *_plans(plans)]) + "\n"


def _before(policy: Policy, variables: Iterable[str]) -> Iterator[str]:
    yield f"# Break-glass: {policy.service}"
    yield ""
    yield f"{policy.description}. Nothing here is a secret, and nothing needs Airflow, its database or a lost region."
    yield ""
    yield "## 1. Addresses"
    yield ""
    yield "In the folder in which this was unpacked, with the package `tidegate` installed:"
    yield ""
    yield "    . ./env.sh"
    yield ""
    yield "It sets the policy's folder. These have to be set besides, from where your organisation keeps them:"
    yield ""
    yield "- `TIDEGATE_JOURNAL`: the journal's database"
    yield "- `TIDEGATE_HOME`: the folder below which the policy's relative paths are"
    yield from (f"- `{name}`" for name in variables)
    yield ""


def _commands(policy: Policy, plans: Mapping[str, Plan]) -> Iterator[str]:
    service = policy.service
    yield "## 2. Look: did anything change, is it safe, what next"
    yield ""
    yield f"    tidegate status {service}"
    yield ""
    yield "## 3. An operation stands still: carry it on. Whoever ran it is refused from now on"
    yield ""
    yield f"    tidegate resume OPERATION --take-over {_WHO}"
    yield ""
    yield "Airflow is to have it back:"
    yield ""
    yield f"    tidegate resume OPERATION --give-back {_WHO}"
    yield ""
    yield "## 4. Begin one"
    yield ""
    yield from (f"    {_run(policy, plan)}" for plan in plans.values())
    yield ""
    yield "## 5. People are asked: each signs with a key of their own"
    yield ""
    yield "    tidegate approve OPERATION"
    yield "    tidegate approve OPERATION --sign KEYFILE"
    yield ""
    people = ", ".join(policy.break_glass.keys) if policy.break_glass else "nobody yet (break_glass.keys)"
    yield f"Whose keys count: {people}."
    yield ""
    yield "## 6. Afterwards"
    yield ""
    yield "    tidegate audit verify"
    yield ""


def _run(policy: Policy, plan: Plan) -> str:
    word = dag_id(plan.kind, plan.service).partition("__")[0]
    what = {OperationKind.PROMOTION: " VERSION", OperationKind.SWITCHOVER: " --to REGION"}.get(plan.kind, "")
    if plan.kind is OperationKind.FAILOVER:
        away = next((name for name, region in policy.regions.items() if region.database != "primary"), "REGION")
        what = f" --to {away}"
    return f"tidegate run {word} {plan.service}{what} {_WHO}"


def _plans(plans: Mapping[str, Plan]) -> Iterator[str]:
    """Each step, with what carries it on from there: always the same, since what is done is not done twice."""
    for plan in plans.values():
        yield f"## The plan of a {plan.kind.value}, `{plan.digest}`"
        yield ""
        if plan.kind in MOVING:
            yield "`source`: the region that is left; `target`: the one that is gone to."
            yield ""
        for stage in plan.stages:
            back = ", only if it is needed" if stage.phase is Phase.RETURN else ""
            yield f"### {stage.title} (`{stage.id}`{back})"
            yield ""
            for node in stage.nodes:
                yield f"- `{node.id}`: {describe(node)}"
                if isinstance(node, ApprovalNode):
                    yield f"  - `tidegate approve OPERATION --node {node.id} --sign KEYFILE`"
                else:
                    yield f"  - stands still here: `tidegate resume OPERATION --take-over {_WHO}`"
            yield ""
