"""A notice as the journal has it: the same headline, position and figures as the operation's page."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.engine import guarding
from tidegate.engine.view import OperationView, fold_operation
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind
from tidegate.policy.people import Owners
from tidegate.report.ending import Ending, Took, durations, ending, same_kind
from tidegate.report.headline import headline
from tidegate.report.notice import Notice, Ways, notice
from tidegate.report.notice_points import Due
from tidegate.report.waiting import in_words, waiting

_OPENED = frozenset({EventKind.OPERATION_OPENED})


def notices_of(
    journal: Journal,
    view: OperationView,
    events: Iterable[Event],
    told: Iterable[Due],
    owners: Owners,
    ways: Ways,
    now: float,
) -> list[Notice]:
    """One for each point, all as it stands now."""
    closed = next((e for e in events if e.kind is EventKind.OPERATION_CLOSED), None)
    why = str(closed.body.get("why", "")) if closed else ""
    waits = in_words(view, waiting(journal, view, now), now)
    top = headline(view, why, guarding.alive(journal, view.service, now), waits)
    end = expected_end(journal, view, now)
    return [notice(view, one, top, end, owners, ways, now) for one in told]


def expected_end(journal: Journal, view: OperationView, now: float) -> Ending:
    """By what the newest operations of its kind took."""
    return ending(view, past(journal, view.service, view.kind, but=view.id), now)


def past(journal: Journal, service: str, kind: OperationKind, but: str) -> list[Took]:
    """What each node took in the newest operations of the kind, of those that ended well."""
    opened = [(str(row.operation), str(row.body["kind"])) for row in journal.events(service, kinds=_OPENED)]
    views = (fold_operation(journal.events(service, operation=name)) for name in same_kind(kind, opened, but))
    return [took for view in views if view is not None and (took := durations(view)) is not None]
