"""Approvals by signature, where no Airflow knows who people are: a key that the policy names speaks for its owner.

What is signed names the operation, the node, the plan, the evidence that was shown, and until when it holds. It is kept
in the row, and looked at again just before the effect: with a key that the policy names no more, nothing is approved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.drivers.artifacts._signatures import SigningKey, Trust, open_envelope, sign
from tidegate.engine.told import Approval
from tidegate.engine.view import OperationView
from tidegate.errors import Refused, Rejected
from tidegate.policy.schema import Policy

APPROVAL_TYPE = "application/vnd.tidegate.approval+json"


def keys_of(policy: Policy) -> Mapping[str, str]:
    """Person -> public key, as the policy names them; none if it does not."""
    return policy.break_glass.keys if policy.break_glass else {}


def public_of(key: SigningKey) -> str:
    """The public half as a policy writes it."""
    return f"ed25519:{key.public()['keyval']['public']}"


def owner(policy: Policy, key: SigningKey) -> str:
    """Whose key it is. Raises :class:`Refused` for one that the policy does not name."""
    public = public_of(key)
    found = next((person for person, theirs in keys_of(policy).items() if theirs == public), None)
    if found is None:
        raise Refused(
            f"the key {key.keyid} is nobody's whom the policy of {policy.service} names in break_glass.keys",
            next_step=f"if it is to count: break_glass: {{keys: {{<name>: {public!r}}}}}",
        )
    return found


def trust_in(policy: Policy, people: tuple[str, ...], threshold: int) -> Trust:
    """So many of these people's keys. The key's id is the person's name."""
    keys = {person: key for person, key in keys_of(policy).items() if person in people}
    return Trust({person: _key(person, key) for person, key in keys.items()}, threshold)


def named(key: SigningKey, person: str) -> SigningKey:
    """The same key under its owner's name, whatever its file is called."""
    return SigningKey(person, key.pem)


def statement(view: OperationView, node: str, person: str) -> dict[str, Any]:
    """What a person says yes to. Raises :class:`Refused` if nobody has been asked."""
    request = view.requested.get(node)
    if request is None:
        raise Refused(f"{node or view.id} has not been asked for yet", next_step=f"tidegate status {view.service}")
    about = _about(view, node, person)
    return {**about, "evidence_digest": request.get("evidence_digest", ""), "expires_at": request["expires_at"]}


def signed_yes(view: OperationView, node: str, person: str, key: SigningKey) -> str:
    """The envelope, as a row keeps it."""
    return sign(statement(view, node, person), APPROVAL_TYPE, [named(key, person)]).decode().strip()


def is_proved(policy: Policy, view: OperationView, given: Approval) -> bool:
    """Whether the row's signature is by the key that the policy names now for that person, about this very question."""
    try:
        trust = trust_in(policy, (given.person,), 1)
        said = open_envelope(given.envelope.encode(), APPROVAL_TYPE, trust, f"the approval by {given.person}")
    except (Rejected, Refused):
        return False
    wanted = {**_about(view, given.node, given.person), "evidence_digest": given.evidence_digest}
    return {k: said.get(k) for k in wanted} == wanted and given.at <= float(said.get("expires_at", 0.0))


def proved(policy: Policy, view: OperationView, *, signed_only: bool = False) -> OperationView:
    """The operation without those approvals whose signature does not hold now. ``signed_only``: nor those without any;
    so it is in a local journal, where no Airflow has known anybody."""
    holding = tuple(a for a in view.approvals if (not a.envelope and not signed_only) or is_proved(policy, view, a))
    return view if len(holding) == len(view.approvals) else replace(view, approvals=holding)


def _about(view: OperationView, node: str, person: str) -> dict[str, Any]:
    return {
        "answer": "yes",
        "service": view.service,
        "operation": view.id,
        "node": node,
        "person": person,
        "plan_digest": view.plan_digest,
    }


def _key(person: str, text: str) -> dict[str, Any]:
    value = {"public": text.removeprefix("ed25519:")}
    return {"keyid": person, "keytype": "ed25519", "scheme": "ed25519", "keyval": value}
