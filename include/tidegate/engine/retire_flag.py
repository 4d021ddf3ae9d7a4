"""A flag's key is taken out of use for good: a row in the journal first, then a tombstone in the flags' source."""

from __future__ import annotations

from tidegate.drivers.flags.contract import Because
from tidegate.drivers.token import Token
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.permission import permit
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Transaction
from tidegate.model.flags import is_key
from tidegate.model.roles import Action


def retire_flag(world: World, key: str, *, person: str, reason: str, actor: str) -> bool:
    """Retire it. False if it was retired before; the tombstone is then looked after all the same.

    Raises ``Forbidden``, :class:`Refused` for what is no key, while an operation is open, and while the release that
    serves asks for the flag: with a tombstone it would fall back to its own default.
    """
    permit(world.policy, person, Action.CONTROL)
    if not is_key(key):
        raise Refused(f"{key!r} is no flag's key (a-z, 0-9, underscores; begins with a-z)")
    with world.journal.locked(world.service) as txn:
        new = _may_retire(txn, key)
        epoch = txn.raise_epoch() if new else txn.head.epoch
        if new:
            body = {"flag": key, "by": person, "why": reason}
            txn.append(EventKind.FLAG_RETIRED, body, actor=actor, epoch=epoch)
    if world.estate.flags is not None:
        world.estate.flags.retire(key, Token(epoch, f"retire {key}"), Because(person, reason))
    return new


def _may_retire(txn: Transaction, key: str) -> bool:
    lease = txn.head.lease
    if lease is not None:
        raise Refused(
            f"{lease.operation} is open, and may be about this flag",
            next_step=f"wait for it, or look: tidegate status {txn.head.service}",
        )
    facts = fold_facts(txn.events(kinds=FACT_KINDS))
    if facts.stable is not None and key in facts.stable.flags:
        raise Refused(
            f"release {facts.stable.version}, which serves, asks for flag {key}: retired, it would fall back to its "
            "own default",
            next_step="promote a release that does not ask for it any more, then retire it",
        )
    return key not in facts.retired_flags
