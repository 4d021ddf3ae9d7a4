"""What people are told of an operation at a point: where it is, what is next, when it should end. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.engine.view import OperationView
from tidegate.model.notice import Point
from tidegate.model.operation import GOOD_END, OperationKind, OperationState
from tidegate.policy.people import Owners
from tidegate.report.ending import Ending
from tidegate.report.headline import Headline
from tidegate.report.notice_points import Due
from tidegate.report.planned import position

REFUSED = f"{Point.STUCK}:refused"  # the point of a request that became no operation
_LONGEST = 600  # characters of one answer: a message that nobody reads to its end helps nobody
_POINTS = {
    Point.DECLARED: "declared",
    Point.NEEDS_APPROVAL: "needs a yes",
    Point.STAGE_DONE: "a stage is done",
    Point.STUCK: "STUCK",
    Point.TURNED_BACK: "on its way back",
    Point.MISSED_OBJECTIVE: "OBJECTIVE MISSED",
    Point.FINISHED: "finished",
}
_SEVERITY = {
    Point.NEEDS_APPROVAL: "warning",
    Point.STUCK: "critical",
    Point.TURNED_BACK: "error",
    Point.MISSED_OBJECTIVE: "critical",
}


@dataclass(frozen=True)
class Notice:
    """``title``: one line. ``rows``: question and answer, in the order in which they are read at night. ``severity``:
    ``info``, ``warning``, ``error`` or ``critical``. ``id``: the same for the same point of the same operation."""

    service: str
    operation: str
    kind: str
    point: Point
    title: str
    rows: tuple[tuple[str, str], ...]
    severity: str
    page: str
    id: str


@dataclass(frozen=True)
class Ways:
    """Where to look. ``page``: of the operation, in Airflow."""

    page: str

    def terminal(self, view: OperationView) -> str:
        """The command that says the same without Airflow."""
        return f"tidegate status {view.service} --operation {view.id}"


def notice(
    view: OperationView, what: Due, top: Headline, end: Ending, owners: Owners, ways: Ways, now: float
) -> Notice:
    """The message for one point."""
    going_back = view.state is OperationState.STOPPING
    rows = (
        ("What", what.about),
        ("Operation", f"{view.kind} {view.id}"),
        ("Where it is", _where(view)),
        ("Did anything change?", top.changed),
        ("Is it safe?", top.safe),
        ("What next?", top.next),
        ("Should end", end.words(now)),
        ("Asked for by", f"{view.requester}: {view.reason}"),
        ("Owner", owners.of(view.kind, going_back=going_back)),
        ("Page", ways.page),
        ("Without Airflow", ways.terminal(view)),
    )
    return Notice(
        service=view.service,
        operation=view.id,
        kind=view.kind.value,
        point=what.point,
        title=_line(f"{view.service}: {_POINTS[what.point]}: {top.title}")[:200],
        rows=tuple((question, _short(answer)) for question, answer in rows),
        severity=_severity(view, what.point),
        page=ways.page,
        id=f"{view.id}/{what.key}",
    )


def refusal(service: str, operation: str, kind: OperationKind, why: str, owners: Owners, ways: Ways) -> Notice:
    """For a request that became no operation, such as a failover that the guard has asked for."""
    rows = (
        ("What", f"it was refused, and has not begun: {why}"),
        ("Operation", f"{kind} {operation}, never opened"),
        ("Did anything change?", "No."),
        ("What next?", "See to what it was refused for, and ask for it again."),
        ("Owner", owners.of(kind)),
        ("Page", ways.page),
        ("Without Airflow", f"tidegate status {service}"),
    )
    return Notice(
        service=service,
        operation=operation,
        kind=kind.value,
        point=Point.STUCK,
        title=_line(f"{service}: {_POINTS[Point.STUCK]}: a {kind} was refused")[:200],
        rows=tuple((question, _short(answer)) for question, answer in rows),
        severity=_SEVERITY[Point.STUCK],
        page=ways.page,
        id=f"{operation}/{REFUSED}",
    )


def _where(view: OperationView) -> str:
    stands = position(view)
    if stands is None:
        return "at its end"
    way = "on the way back, " if stands["way"] == "return" else ""
    return f"{way}{stands['done']} of {stands['of']} done, at {stands['node'] or 'the outcome'}: {stands['meaning']}"


def _severity(view: OperationView, point: Point) -> str:
    if point is Point.FINISHED:
        return "info" if view.outcome is GOOD_END.get(view.kind) else "error"
    return _SEVERITY.get(point, "info")


def _short(text: str) -> str:
    line = _line(text)
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"


def _line(text: str) -> str:
    """One line without control characters: it ends up in a mail's header, among others."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
