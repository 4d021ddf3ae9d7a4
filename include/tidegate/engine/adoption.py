"""Adoption as people do it: one asks, another says yes, and both times the estate is looked at.

The question is a row like any approval's: bound to the release's digest and to what was seen, and it expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.engine.adopt import Seen, certify, is_stable, look, operation_of
from tidegate.engine.permission import may, permit, roles_of
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.release import Release
from tidegate.model.roles import Action

NODE = "adopt"
WITHIN = 24 * 3600.0  # seconds for the second person to answer; what runs is looked at again then


def ask_adoption(world: World, version: str, *, person: str, reason: str, actor: str) -> Mapping[str, Any] | None:
    """Write the question down, and return it; None if the release is the baseline already.

    Raises :class:`Forbidden` for who may not ask, :class:`Refused` for what does not run or another baseline.
    """
    permit(world.policy, person, Action.ADOPT)
    seen = look(world, version)
    operation = operation_of(world, seen.release)
    with world.journal.locked(world.service) as txn:
        if is_stable(txn, seen.release):
            return None
        asked = _question(txn, operation)
        if asked and asked["requester"] == person and _holds(world, asked, seen):
            return {**asked, "operation": operation}
        body = {
            "node": NODE,
            "requester": person,
            "why": reason,
            "people": _who_may_answer(world, person),
            "quorum": 1,
            "evidence": seen.to_json(),
            "evidence_digest": seen.digest,
            "expires_at": world.clock.now() + WITHIN,
        }
        txn.append(EventKind.APPROVAL_REQUESTED, body, actor=actor, operation=operation)
        return {**body, "operation": operation}


def approve_adoption(world: World, operation: str, *, person: str, actor: str) -> Release:
    """The second person's yes, and the effect. Asked again once it is done: nothing.

    Raises :class:`Forbidden` or :class:`Refused` for who may not, too late, or what runs differing from what was shown.
    """
    _permit_answer(world, person)
    asked = _asked(world.journal.events(world.service, operation=operation, kinds={EventKind.APPROVAL_REQUESTED}))
    if asked is None:
        raise Refused(
            f"there is no request {operation!r} to adopt anything",
            next_step=f"ask for it: tidegate adopt {world.service} <version> --by <name> --reason <why>",
        )
    seen = look(world, asked["evidence"]["release"]["version"])
    with world.journal.locked(world.service) as txn:
        if is_stable(txn, seen.release):
            return seen.release
        asked = _question(txn, operation)
        assert asked is not None  # rows never go
        _may_answer(world, asked, seen, person)
        roles = [role.value for role in roles_of(world.policy, person)]
        given = {"node": NODE, "person": person, "roles": roles, "evidence_digest": seen.digest}
        txn.append(EventKind.APPROVAL_GIVEN, given, actor=actor, operation=operation)
        certify(txn, seen, by=person, why=f"{asked['why']} (asked by {asked['requester']})", actor=actor)
    return seen.release


def _question(txn: Transaction, operation: str) -> Mapping[str, Any] | None:
    return _asked(txn.events(operation=operation, kinds={EventKind.APPROVAL_REQUESTED}))


def _asked(events: list[Any]) -> Mapping[str, Any] | None:
    """The newest question: asking anew replaces it."""
    return next((e.body for e in reversed(events) if e.body.get("node") == NODE), None)


def _holds(world: World, asked: Mapping[str, Any], seen: Seen) -> bool:
    return bool(asked["evidence_digest"] == seen.digest and world.clock.now() <= asked["expires_at"])


def _may_answer(world: World, asked: Mapping[str, Any], seen: Seen, person: str) -> None:
    again = f"ask anew: tidegate adopt {world.service} {seen.release.version} --by <name> --reason <why>"
    if person == asked["requester"]:
        people = ", ".join(asked["people"]) or "another person"
        raise Refused(f"{person} has asked for it and may not approve it", next_step=f"ask {people}")
    if world.clock.now() > asked["expires_at"]:
        raise Refused("the time to answer is over", next_step=again)
    if asked["evidence_digest"] != seen.digest:
        raise Refused("what runs is not what was seen when it was asked for", next_step=again)


def _permit_answer(world: World, person: str) -> None:
    """Approvers answer, and platform engineers."""
    if not may(world.policy, person, Action.ADOPT):
        permit(world.policy, person, Action.APPROVE)


def _who_may_answer(world: World, asker: str) -> list[str]:
    """By name, as far as the policy names people."""
    roles = world.policy.roles
    named = roles.who_may(Action.APPROVE) | roles.who_may(Action.ADOPT) if roles else frozenset[str]()
    return sorted(named - {asker, "*"})
