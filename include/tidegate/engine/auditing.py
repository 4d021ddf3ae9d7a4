"""Taking the journal's rows out, by a person who may."""

from __future__ import annotations

from tidegate.engine.permission import permit
from tidegate.errors import Refused
from tidegate.journal.export import Piece, Span, cut
from tidegate.journal.headstore import HeadStore
from tidegate.journal.store import Journal
from tidegate.model.roles import Action
from tidegate.policy.schema import Policy


def export_piece(policy: Policy, journal: Journal, store: HeadStore, span: Span, *, person: str) -> Piece:
    """The piece of the service's chain that holds ``span``. Writes nothing.

    Raises :class:`Forbidden` for who is no auditor, :class:`Refused` for a range that ends before it begins,
    ``JournalCorrupt`` if the piece does not verify.
    """
    permit(policy, person, Action.AUDIT)
    if span.since > span.until:
        raise Refused("the range ends before it begins", next_step="--from is the earlier one")
    return cut(journal, store, span)
