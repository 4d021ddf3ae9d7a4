"""The drills of a service as a page that stands alone: the newest one first, what each part took, and the trend."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.engine.drills import Held
from tidegate.model.drill import DrillResult, Scenario
from tidegate.report.drill_trend import trend
from tidegate.report.markup import Markup, join, table, tag
from tidegate.report.shell import page, when

SLOWEST = 8  # steps that are shown
_NOT_MEASURED = "–"
_OF_A_RESTORE = (
    ("act", "from the order until the copy answered"),
    ("verify", "until it was checked, and compared with the live database"),
    ("total", "from the order until it was proven whole"),
)
_PARTS = (
    ("detect", "from the fault until it was noticed"),
    ("decide", "until an operation was begun"),
    ("wait", "for people"),
    ("act", "until users' need was met: writer and traffic moved, or the release left"),
    ("verify", "until that was proved"),
    ("total", "from the fault until users were served again, by the journal"),
)


def drills_html(service: str, held: Sequence[Held]) -> str:
    """``held``: oldest first."""
    results = [result for one in held for result in one.results]
    restores = [one for one in results if one.scenario is Scenario.RESTORE]
    others = [one for one in results if one.scenario is not Scenario.RESTORE]
    shown = [_picture("Trend against the RTO", trend(others))] if others or not restores else []
    if restores:
        shown.append(_picture("Trend of restores", trend(restores, "Seconds until the restored copy was proven whole")))
    newest = _drill(service, held[-1]) if held else tag("p", f"{service}: no drill was ever held")
    return page(f"Drills of {service}", join([newest, *shown, _all(held)]))


def _picture(title: str, drawn: Markup) -> Markup:
    return tag("section", tag("h2", title), drawn, class_="card")


def _drill(service: str, held: Held) -> Markup:
    word = "passed" if held.ok else "FAILED" if held.ended is not None else "is not at its end"
    until = f", until {when(held.ended)}" if held.ended is not None else f"; {held.phase}"
    wrong = [tag("li", one) for one in held.wrong]
    told = {
        "Did anything change?": f"{service} was not touched; {_broken(held)}",
        "Is it safe?": "what was rehearsed works" if held.ok else "what failed here would fail at night, too",
        "What next?": "nothing" if held.ok else f"mend what is wrong, then: tidegate drill {service}",
    }
    answers = [tag("div", tag("dt", question), tag("dd", answer)) for question, answer in told.items()]
    top = tag(
        "section",
        tag("h1", f"{held.id} {word}"),
        tag("dl", answers, class_="answers"),
        tag("p", f"held by {held.by} on {held.environment} from {when(held.began)}{until}"),
        tag("ul", wrong) if wrong else None,
        class_=f"card top {'good' if held.ok else 'bad'}",
    )
    return join([top, *(_scenario(result) for result in held.results)])


def _broken(held: Held) -> str:
    whether = "was brought home" if held.ok else "see below whether it was brought home"
    if held.results and all(one.scenario is Scenario.RESTORE for one in held.results):
        gone = "is gone again" if held.ok else "see below whether it is gone again"
        return f"{held.environment} was not broken: a backup was restored beside its database, and {gone}"
    return f"{held.environment} was broken, and {whether}"


def _scenario(result: DrillResult) -> Markup:
    name = f"{result.scenario.value}{', a game day' if result.game_day else ''}"
    measured = result.times.measured
    meanings = _OF_A_RESTORE if result.scenario is Scenario.RESTORE else _PARTS
    parts = [(part, _seconds(measured.get(part)), meaning) for part, meaning in meanings]
    users, lost = result.users, "not known" if result.users.lost is None else str(result.users.lost)
    saw = (
        f"Users: {users.failed} of {users.requests} requests failed, {users.sessions_broken} sessions broken, "
        f"{lost} acknowledged writes lost."
    )
    said = [tag("li", one) for one in result.wrong] + [tag("li", f"slower: {one}") for one in result.flagged]
    slow = sorted(result.steps.items(), key=lambda step: -step[1])[:SLOWEST]
    return tag(
        "section",
        tag("h2", f"{name}: {'passed' if result.ok else 'FAILED'}"),
        tag("p", tag("strong", _restored(result))),
        tag("ul", said) if said else None,
        tag("p", saw),
        tag("p", _answered(result)),
        table(("Part", "Seconds", ""), parts, class_="stack"),
        table(("Slowest steps", "Seconds"), [(tag("code", node), _seconds(t)) for node, t in slow]) if slow else None,
        class_="card",
    )


def _restored(result: DrillResult) -> str:
    if result.restored is None:
        restore = result.scenario is Scenario.RESTORE
        return "No copy was proven whole." if restore else "Nothing was to be restored."
    if result.rto_target is None:
        word = "Proven whole" if result.scenario is Scenario.RESTORE else "Safe again"
        return f"{word} after {result.restored:.2f} s.{_lag(result)}"
    word = "met" if result.rto_met else "MISSED"
    if result.scenario is Scenario.RESTORE:
        return (
            f"Proven whole after {result.restored:.2f} s; the RTO of {result.rto_target:g} s is {word}.{_lag(result)}"
        )
    return f"Served again after {result.restored:.2f} s; the RTO of {result.rto_target:g} s is {word}."


def _lag(result: DrillResult) -> str:
    """How far behind a restored copy is."""
    if result.behind is None:
        return ""
    met = "met" if result.rpo_met else "MISSED"
    target = "" if result.rpo_target is None else f"; the RPO of {result.rpo_target:g} s is {met}"
    return f" The copy was {result.behind:.2f} s behind{target}."


def _answered(result: DrillResult) -> str:
    if result.scenario is Scenario.RESTORE:
        return "A copy of the latest backup, beside the live database, which was not touched."
    return f"Answered by {result.operation}: {result.outcome}." if result.operation else "Nothing was to answer it."


def _all(held: Sequence[Held]) -> Markup:
    rows = [
        (when(result.began), result.scenario.value, "passed" if result.ok else "FAILED", _seconds(result.restored),
         f"{result.users.failed} of {result.users.requests}", one.by)
        for one in reversed(held)
        for result in one.results
    ]  # fmt: skip
    head = ("When", "Scenario", "", "Safe again after", "Failed requests", "Held by")
    return tag("section", tag("h2", "Every drill"), table(head, rows), class_="card")


def _seconds(value: float | None) -> str:
    return _NOT_MEASURED if value is None else f"{value:.2f} s"
