"""An operation of a group: opened, its members' moves begun and ended, decided on, closed. Each is a row in the group's
own chain, written under its lock and only where :mod:`tidegate.plan.group` lets it; so whoever carries it, however many
do, and wherever one of them died, asking again is the same.

Nothing here touches a service. A member's move is an ordinary operation of its service with a request id that follows
from the group's operation, and has its own lease, approvals, fences and gates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.group_view import GROUP_KINDS, GroupView, Leg, fold_group
from tidegate.engine.permission import permit
from tidegate.errors import Refused
from tidegate.journal.model import EventKind, Lease
from tidegate.journal.store import Journal, Transaction
from tidegate.model.operation import OperationKind, group_chain, operation_id
from tidegate.model.roles import Action
from tidegate.plan import group as shape_of
from tidegate.plan.group import Heading, Stands, Where
from tidegate.policy.groups import Group, home
from tidegate.policy.likely import likely
from tidegate.policy.schema import Policy

MOVED, TURNED_BACK, DONE = "moved", "turned_back", "done"  # how an operation of a group ends
WITHOUT = "_without"  # behind one of those: somebody was left out
LEASE = 30.0  # seconds; it is nobody's but the operation's, and nobody renews it


@dataclass(frozen=True)
class GroupRequest:
    """``target``: the region to go to; None: the one that is left over. ``releases``: member -> the baseline that it
    goes back to, for a rollback; its members are all that take part."""

    kind: OperationKind
    request_id: str
    requester: str
    reason: str
    target: str | None = None
    releases: Mapping[str, str] | None = None
    needs: Mapping[str, tuple[str, ...]] | None = None


def group_operation(group: str, request: GroupRequest) -> str:
    return operation_id(group_chain(group), request.kind, request.request_id)


def open_group(
    journal: Journal, group: Group, policies: Mapping[str, Policy], request: GroupRequest, *, actor: str
) -> GroupView:
    """The operation that this request means, opened now or before.

    Raises :class:`Forbidden` if the requester may not begin operations of every member, :class:`Refused` if another
    operation of the group is open, the region is none of theirs, or everybody is there already.
    """
    chain, wanted = group_chain(group.group), group_operation(group.group, request)
    with journal.locked(chain) as txn:
        found = fold_group(txn.events(operation=wanted, kinds=GROUP_KINDS))
        if found is None:
            members = tuple(request.releases or group.services)
            for name in members:
                permit(policies[name], request.requester, Action.REQUEST)
            if lease := txn.head.lease:
                raise Refused(
                    f"{group.group} is held by {lease.operation} ({lease.kind.value})",
                    next_step=f"carry that on, or turn it back: tidegate status --group {group.group}",
                )
            body = _body(journal, group, {name: policies[name] for name in members}, request)
            epoch = txn.raise_epoch()
            row = txn.append(EventKind.GROUP_OPENED, body, actor=actor, operation=wanted, epoch=epoch)
            txn.set_lease(Lease(wanted, request.kind, actor, row.at + LEASE))
    return read_group(journal, group.group, wanted)


def read_group(journal: Journal, group: str, operation: str) -> GroupView:
    """Raises :class:`Refused` if there is no such operation."""
    view = fold_group(journal.events(group_chain(group), operation=operation, kinds=GROUP_KINDS))
    if view is None:
        raise Refused(f"there is no operation {operation!r} of the group {group}", next_step=_look(group))
    return view


def latest(journal: Journal, group: str) -> str | None:
    """The group's open operation, else its last one; None if there never was one."""
    rows = journal.events(group_chain(group), kinds={EventKind.GROUP_OPENED})
    return rows[-1].operation if rows else None


def _body(journal: Journal, group: Group, members: Mapping[str, Policy], request: GroupRequest) -> dict[str, object]:
    rolls, again = request.kind is OperationKind.ROLLBACK, request.kind is OperationKind.REPROTECT
    at = {name: writer_of(journal, policy) for name, policy in members.items()}
    target = "" if rolls or again else _target(group, members, request.target, at)
    source = next((r for p in members.values() for r in p.regions if r != target), "") if target else ""
    needs = request.needs or (dict.fromkeys(members, ()) if again else group.needs)
    goal = dict(request.releases or {}) if rolls else ({} if again else dict.fromkeys(members, target))
    there = {name: Where.TARGET if target and at[name] == target else Where.SOURCE for name in members}
    if set(there.values()) == {Where.TARGET}:
        raise Refused(f"all of {group.group} is in {target} already", next_step="nothing to do")
    homeward = request.kind is OperationKind.SWITCHOVER and target == home(next(iter(members.values())))
    return {
        "kind": request.kind.value,
        "request_id": request.request_id,
        "requester": request.requester,
        "reason": request.reason,
        "source": source,
        "target": target,
        "targets": goal,
        "members": list(members),
        "needs": {name: [n for n in needs[name] if n in members] for name in members},
        "where": {name: where.value for name, where in there.items()},
        "when_one_fails": group.when_one_fails,
        "reverse": homeward or rolls,
        "back": not rolls and not again,
    }


def writer_of(journal: Journal, policy: Policy) -> str:
    """The region that takes the service's writes, as far as the journal knows."""
    placement = fold_facts(journal.events(policy.service, kinds=FACT_KINDS)).placement
    return placement.primary if placement else home(policy)


def _target(group: Group, members: Mapping[str, Policy], asked: str | None, at: Mapping[str, str]) -> str:
    regions = tuple(next(iter(members.values())).regions)
    if asked is None:
        left = [region for region in regions if region not in at.values()]
        if len(left) != 1:
            where = ", ".join(f"{name} in {region}" for name, region in at.items())
            raise Refused(f"{group.group} is not all in one region ({where})", next_step=f"--to {'|'.join(regions)}")
        return left[0]
    if asked not in regions:
        raise Refused(f"there is no region {asked!r}", next_step=likely(asked, regions))
    return asked


def begin_member(journal: Journal, group: str, operation: str, name: str, *, actor: str) -> Leg:
    """The member's move, begun now or before. Raises :class:`Refused` where it is not its turn."""
    with journal.locked(group_chain(group)) as txn:
        view = _open_view(txn, group, operation)
        if not view.under_way(name):
            shape_of.begin(view.shape, view.state, name)  # or it says why not
            leg = view.next_leg(name)
            parts = [{"kind": p.kind.value, "operation": p.operation, "request": p.request} for p in leg.parts]
            body = {"member": name, "leg": leg.number, "heading": view.state.heading.value, "parts": parts}
            txn.append(EventKind.GROUP_MEMBER_BEGUN, body, actor=actor, operation=operation)
            return leg
        found = view.leg(name)
        assert found is not None  # it is under way
        return found


def end_member(
    journal: Journal, group: str, operation: str, name: str, leg: Leg, *, good: bool, why: str, actor: str
) -> None:
    """What became of a move. If everybody is there now, the group's operation is closed with it. Said twice: once."""
    with journal.locked(group_chain(group)) as txn:
        view = _open_view(txn, group, operation)
        if not _is_last(view, name, leg):
            return
        body = {"member": name, "leg": leg.number, "good": good, "why": why}
        txn.append(EventKind.GROUP_MEMBER_ENDED, body, actor=actor, operation=operation)
        _close_if_over(txn, group, operation, actor)


def member_stuck(journal: Journal, group: str, operation: str, name: str, leg: Leg, *, why: str, actor: str) -> None:
    """Its operation stands still in the middle and needs a person. Said twice: once."""
    with journal.locked(group_chain(group)) as txn:
        view = _open_view(txn, group, operation)
        if _is_last(view, name, leg) and view.standing(name).word is Stands.MOVING:
            body = {"member": name, "leg": leg.number, "why": why}
            txn.append(EventKind.GROUP_MEMBER_STUCK, body, actor=actor, operation=operation)


def _is_last(view: GroupView, name: str, leg: Leg) -> bool:
    last = view.leg(name)
    return view.under_way(name) and last is not None and last.number == leg.number


def decide_group(
    journal: Journal,
    group: Group,
    policies: Mapping[str, Policy],
    operation: str,
    heading: Heading,
    *,
    person: str,
    reason: str,
    actor: str,
    without: Iterable[str] = (),
) -> GroupView:
    """A person goes on, with or without those that failed, or goes back. The same said twice is the same.

    Raises :class:`Forbidden` if that person may not control every member, :class:`Refused` if it is over.
    """
    left_out = tuple(sorted(set(without)))
    with journal.locked(group_chain(group.group)) as txn:
        view = _open_view(txn, group.group, operation)
        if view.closed:
            raise Refused(f"{operation} is over: {view.outcome.replace('_', ' ')}", next_step=_look(group.group))
        for name in view.shape.names:
            permit(policies[name], person, Action.CONTROL)
        after = shape_of.decide(view.shape, view.state, heading, left_out)
        if after != view.state:
            body = {"person": person, "why": reason, "heading": heading.value, "without": list(left_out)}
            txn.append(EventKind.GROUP_DECIDED, body, actor=actor, operation=operation)
            _close_if_over(txn, group.group, operation, actor)
    return read_group(journal, group.group, operation)


def _open_view(txn: Transaction, group: str, operation: str) -> GroupView:
    view = fold_group(txn.events(operation=operation, kinds=GROUP_KINDS))
    if view is None:
        raise Refused(f"there is no operation {operation!r} of the group {group}", next_step=_look(group))
    return view


def _close_if_over(txn: Transaction, group: str, operation: str, actor: str) -> None:
    view = _open_view(txn, group, operation)
    if not view.over or view.closed:
        return
    there = MOVED if view.shape.way_back else DONE
    outcome = there if view.state.heading is Heading.THERE else TURNED_BACK
    outcome += WITHOUT if view.state.without else ""
    body = {"outcome": outcome, "without": sorted(view.state.without)}
    txn.append(EventKind.GROUP_CLOSED, body, actor=actor, operation=operation, epoch=txn.raise_epoch())
    if txn.head.lease is not None and txn.head.lease.operation == operation:
        txn.set_lease(None)


def _look(group: str) -> str:
    return f"look: tidegate status --group {group}"
