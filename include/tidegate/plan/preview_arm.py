"""Showing a release to those who send a header, and taking it away again: two short operations."""

from __future__ import annotations

from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.model import Phase, Plan, Stage, Step
from tidegate.plan.settings import bound_settings
from tidegate.policy.preview_arm import Preview
from tidegate.policy.schema import Policy

_ARM = {"region": "preview", "role": "preview"}


def preview_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of opening a preview. Its way back is what a withdrawal does. Raises :class:`Refused` where the policy
    has none."""
    section = preview_section(policy)
    deploy = Step("deploy.release", "deploy_release", {**_ARM, "instances": section.instances, "wait": True})
    stages = (
        Stage("admit", "Verify the release", Phase.FORWARD, (Step("admit.verify", "admit_preview", effect=False),)),
        Stage("deploy", "Run it beside the others", Phase.FORWARD, (deploy,)),
        Stage("show", "Lead the header to it", Phase.FORWARD, (_routed(section),)),
        Stage("back", "Take it away", Phase.RETURN, _taken_away("back")),
    )
    return Plan(policy.service, OperationKind.PREVIEW, policy_digest, bound_settings(policy), stages)


def withdrawal_plan(policy: Policy, policy_digest: str) -> Plan:
    """The plan of withdrawing whatever preview is open, also one of before the policy was changed."""
    stages = (Stage("withdraw", "Take it away", Phase.FORWARD, _taken_away("withdraw")),)
    return Plan(policy.service, OperationKind.WITHDRAWAL, policy_digest, bound_settings(policy), stages)


def preview_section(policy: Policy) -> Preview:
    """Raises :class:`Refused`."""
    if policy.preview is None:
        raise Refused(
            f"the policy of {policy.service} has no preview",
            next_step="add preview: {header: x-preview, region: …, instances: 1} and look: tidegate lint",
        )
    return policy.preview


def _routed(section: Preview) -> Step:
    return Step("show.route", "route_preview", {"header": section.header})


def _taken_away(stage: str) -> tuple[Step, ...]:
    """The route first: nobody is led to what is being stopped."""
    return (Step(f"{stage}.route", "unroute_preview"), Step(f"{stage}.release", "withdraw_release", _ARM))
