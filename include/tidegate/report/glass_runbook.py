"""The runbook of a break-glass bundle: what to type, in order, when Airflow, a region, or the journal is gone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from tidegate.model.operation import MOVING
from tidegate.plan.model import Plan
from tidegate.policy.schema import Policy
from tidegate.report.runbook_words import WHO, begin


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
    yield f"    tidegate resume OPERATION --take-over {WHO}"
    yield ""
    yield "Airflow is to have it back:"
    yield ""
    yield f"    tidegate resume OPERATION --give-back {WHO}"
    yield ""
    yield "## 4. Begin one"
    yield ""
    yield from (f"    {begin(policy, plan.kind)}" for plan in plans.values())
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


def _plans(plans: Mapping[str, Plan]) -> Iterator[str]:
    """Where each kind's own runbook lies."""
    yield "## 7. Step by step, with what each took before and the way back from it"
    yield ""
    for kind, plan in plans.items():
        yield f"- {kind}: `runbooks/{kind}.md` (or `.html`), plan `{plan.digest}`"
        if plan.kind in MOVING:
            yield "  `source`: the region that is left; `target`: the one that is gone to."
