"""A review as a page that stands alone: fit to be sent to somebody, read on a phone and printed."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.policy.people import Owners
from tidegate.report.chart import chart
from tidegate.report.markup import Markup, join, table, tag
from tidegate.report.page_log import checks
from tidegate.report.page_objectives import objectives
from tidegate.report.review import SLOWEST, Moment, Review
from tidegate.report.shell import page, when


def review_html(found: Review, owners: Owners) -> str:
    """The whole page."""
    document = found.document
    return page(f"Review: {document['headline']['title']} · {document['service']}", _body(found, owners))


def _body(found: Review, owners: Owners) -> Markup:
    document = found.document
    picture = tag(
        "section", tag("h2", "Traffic"), chart(document["series"], document["plan"]["objectives"]), class_="card"
    )
    return join(
        [
            _top(found, owners),
            objectives(document),
            _list("What noticed it", found.seen_by),
            picture,
            _spent(found),
            _list("What went well", found.well),
            _list("What did not", found.not_well),
            _follow_ups(found),
            _moments("Decisions, and by whom", found.decisions),
            _moments("Timeline", found.timeline),
            checks(document),
        ]
    )


def _top(found: Review, owners: Owners) -> Markup:
    top, about = found.document["headline"], found.document["operation"]
    questions = (("Did anything change?", "changed"), ("Is it safe?", "safe"), ("What next?", "next"))
    answers = [tag("div", tag("dt", question), tag("dd", top[key])) for question, key in questions]
    by = f"asked for by {about['requester']}, {when(about['opened_at'])}: {about['reason']}"
    answer_for = f"Release: {owners.release}. Rollback: {owners.rollback}. Failover: {owners.failover}."
    dl = tag("dl", answers, class_="answers")
    return tag(
        "section",
        tag("h1", top["title"]),
        dl,
        tag("p", f"{about['kind']} {about['id']}, {by}"),
        tag("p", answer_for),
        class_=f"card top {top['tone']}",
    )


def _spent(found: Review) -> Markup:
    """Bars on the scale of the longest."""
    longest = max((one.seconds for one in found.spent), default=0.0) or 1.0
    rows = []
    for one in found.spent[:SLOWEST]:
        words = f"{one.node}: {one.seconds:.1f} s"
        bar = tag("progress", max=f"{longest:g}", value=f"{one.seconds:g}", aria_label=words)
        rows.append(
            (
                tag("code", one.node),
                tag("span", f"{one.seconds:.1f} s", class_="time"),
                bar,
                "waiting" if one.waited else "",
            )
        )
    shown = table(("Node", "Seconds", "Of the longest", ""), rows, class_="stack")
    return tag("section", tag("h2", "Where the time went"), shown, class_="card")


def _follow_ups(found: Review) -> Markup:
    if not found.follow_ups:
        return tag(
            "section", tag("h2", "Proposed follow-ups"), tag("p", "None by rule.", class_="quiet"), class_="card"
        )
    rows = [(f.id, tag("strong", f.owner), f.what, f.because) for f in found.follow_ups]
    shown = table(("", "Owner", "What", "Because"), rows, class_="stack")
    return tag("section", tag("h2", "Proposed follow-ups"), shown, class_="card")


def _moments(title: str, moments: Iterable[Moment]) -> Markup:
    rows = [(tag("span", f"+{m.after:.1f} s", class_="time"), m.who, m.what, m.words) for m in moments]
    shown = table(("When", "Who", "What", ""), rows, class_="stack") if rows else tag("p", "None.", class_="quiet")
    return tag("section", tag("h2", title), shown, class_="card")


def _list(title: str, lines: Iterable[str]) -> Markup:
    told = [tag("li", line) for line in lines] or [tag("li", "Nothing.")]
    return tag("section", tag("h2", title), tag("ul", told), class_="card")
