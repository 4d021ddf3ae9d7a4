"""One operation as a page: self-contained, readable on a phone and on paper, light or dark, live while it is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.journal.model import Finding
from tidegate.journal.store import Journal
from tidegate.model.clock import Clock, SystemClock
from tidegate.policy.people import Owners
from tidegate.report.chart import chart
from tidegate.report.document import operation_document
from tidegate.report.markup import Markup, join, tag
from tidegate.report.page_controls import controls
from tidegate.report.page_log import approvals, checks, repairs, who_did_what
from tidegate.report.page_objectives import objectives
from tidegate.report.page_plan import plan, progress, waiting
from tidegate.report.rungs import ladder
from tidegate.report.shell import age, page, when

EVERY = 2.0  # seconds between two looks while it is open


def operation_html(
    journal: Journal,
    service: str,
    operation: str,
    clock: Clock | None = None,
    base: str = "",
    run_state: Callable[[str], str | None] = lambda _: None,
    owners: Owners | None = None,
) -> str:
    """The whole page. ``base``: where the pages are mounted; without it the page stands alone, without links.
    ``run_state``: request id -> what Airflow says of the run. ``owners``: as the policy names them.

    Raises :class:`~tidegate.errors.Refused` if the journal has no such operation.
    """
    now = (clock or SystemClock()).now()
    document = operation_document(journal, service, operation, now, run_state=run_state, owners=owners)
    address = f"{base}/operations/{service}/{operation}"
    return page(
        f"{document['headline']['title']} · {service}",
        operation_body(document),
        crumbs=[("Recovery", f"{base}/"), (service, f"{base}/services/{service}"), (_name(document), None)]
        if base
        else [],
        live=f"{address}/live" if base else "",
        every=0 if document["operation"]["outcome"] else EVERY,
        below=join(
            [
                controls(document, f"{base}/api/operations/{service}/{operation}") if base else None,
                _chain(journal.verify(service)),
            ]
        ),
    )


def operation_body(document: Mapping[str, Any]) -> Markup:
    """What is looked at again: everything but the controls and the chain's verification."""
    return join(
        [
            _top(document),
            _trouble(document),
            _untold(document),
            objectives(document),
            _chart(document),
            waiting(document),
            ladder(document),
            plan(document),
            checks(document),
            repairs(document),
            approvals(document),
            _facts(document),
            who_did_what(document),
        ]
    )


def _name(document: Mapping[str, Any]) -> str:
    return f"{document['operation']['kind']} of {document['operation']['candidate']['version']}"


def _top(document: Mapping[str, Any]) -> Markup:
    top, offered = document["headline"], [name for name, may in document["controls"].items() if may]
    questions = (("Did anything change?", "changed"), ("Is it safe?", "safe"), ("What next?", "next"))
    answers = [tag("div", tag("dt", question), tag("dd", top[key])) for question, key in questions]
    return tag(
        "section",
        tag("h1", top["title"]),
        tag("dl", answers, class_="answers"),
        progress(document),
        class_=f"card top {top['tone']}",
        data_controls=" ".join(offered),
    )


def _trouble(document: Mapping[str, Any]) -> Markup | None:
    """That nobody carries it on, with what to do about it."""
    carried = document["carried"]
    if carried["on"] or document["held"]:
        return None
    ways = [tag("li", way) for way in carried["next"]]
    return tag("section", tag("h2", carried["words"]), tag("ul", ways, class_="needs"), class_="card top bad")


def _untold(document: Mapping[str, Any]) -> Markup | None:
    """Who should have been told, and was not: somebody else has to tell them."""
    if not document["untold"]:
        return None
    lines = [tag("li", words) for words in document["untold"]]
    return tag("section", tag("h2", "Not everybody was told"), tag("ul", lines, class_="needs"), class_="card top ask")


def _chart(document: Mapping[str, Any]) -> Markup:
    picture = chart(document["series"], document["plan"]["objectives"])
    guard = document["guard"]
    quiet = "" if guard["alive"] else " No guard is alive: nothing is measured now."
    width = document["series"]["width"]
    note = f"Each point is {width:g} s as the edge's log has it, over all regions.{quiet}" if width else quiet
    return tag("section", tag("h2", "Traffic"), picture, tag("small", note), class_="card")


def _facts(document: Mapping[str, Any]) -> Markup:
    about, lease = document["operation"], document["lease"]
    mine = lease is not None and lease["operation"] == about["id"]
    rows: list[tuple[str, object]] = [
        ("Owner", document["owner"]),
        ("Asked for by", f"{about['requester']}, {when(about['opened_at'])}: {about['reason']}"),
        ("State", str(about["outcome"] or about["state"]).replace("_", " ")),
        ("Why it turned back", about["why_back"]),
        ("Stable", f"{about['stable']['version']} in slot {about['stable']['slot']}"),
        ("Candidate", f"{about['candidate']['version']} in slot {about['candidate']['slot']}"),
        ("Routing left", tag("code", document["routing"] or "none")),
        ("Guard", _guard(document["guard"])),
        ("Lease", _lease(lease) if mine and lease else ""),
        (
            "Carried on",
            "" if about["outcome"] else f"{document['carried']['words']} ({age(document['carried']['age'])} ago)",
        ),
        ("Run in Airflow", document["carried"]["run_state"] or ""),
        ("Operation", tag("code", about["id"])),
        ("Plan", tag("code", document["plan"]["digest"])),
        ("Without Airflow", "" if about["outcome"] else tag("code", document["break_glass"], class_="command")),
        ("Seen", when(document["at"])),
    ]
    shown = [(tag("dt", name), tag("dd", value)) for name, value in rows if value]
    return tag("section", tag("h2", "Facts"), tag("dl", shown, class_="facts"), class_="card")


def _guard(guard: Mapping[str, Any]) -> object:
    if guard["age"] is None:
        return tag("span", "never seen", class_="alarm")
    words = f"last beat {age(guard['age'])} ago"
    if guard["blind"]:
        words += f"; blind: {guard['blind']}"
    return words if guard["alive"] and not guard["blind"] else tag("span", f"NOT ALIVE, {words}", class_="alarm")


def _lease(lease: Mapping[str, Any]) -> object:
    if lease["expires_in"] >= 0:
        return f"held by {lease['holder']}, {age(lease['expires_in'])} left unless renewed"
    words = f"held by {lease['holder']}, ran out {age(-lease['expires_in'])} ago: nobody carries this on"
    return tag("span", words, class_="alarm")


def _chain(findings: list[Finding]) -> Markup:
    if findings:
        return tag("p", f"THE JOURNAL DOES NOT VERIFY. {findings[0]}", class_="alarm chain")
    return tag("p", "The service's journal verifies up to its last row.", class_="quiet chain")
