"""What was checked, who said yes and who did what, on the page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.report.markup import Markup, table, tag
from tidegate.report.shell import age, when

_TONES = {"passed": "pass", "violated": "fail", "not_checked": "no_data"}
_MEANS = {"hold": "asks a person", "warn": "a warning", "next_rung": "one rung further"}


def checks(document: Mapping[str, Any]) -> Markup:
    """Run by run: each check, its result, and the keys of the rows that failed."""
    runs = document["checks"]
    if not runs:
        return tag("section", tag("h2", "Data checks"), tag("p", "None were run.", class_="quiet"), class_="card")
    return tag("section", tag("h2", "Data checks"), [_run(run) for run in runs], class_="card")


def _run(run: Mapping[str, Any]) -> Markup:
    bad = [r for r in run["results"] if r["status"] != "passed"]
    warned = sum(_severity(r) == "warn" for r in bad)
    said = f"{len(run['results'])} checks, " + (f"{len(bad)} not passed" if bad else "all passed")
    said += f", {warned} of them with a warning only" if warned else ""
    rows = [
        (
            tag("span", r["status"].replace("_", " "), class_=_tone(r)),
            tag("strong", r["id"]),
            _found(r),
            "" if r["status"] == "passed" else _MEANS[_severity(r)],
            tag("code", ", ".join(map(str, r.get("failed_keys") or ()))),
        )
        for r in sorted(run["results"], key=lambda r: r["status"] == "passed")
    ]
    title = tag("summary", f"after {run['node']}: {said} ", tag("small", f"{run['run'] or 'did not run'}"))
    opened = {"open": ""} if bad else {}
    body = table(("", "Check", "What was found", "What it means", "Keys of the rows"), rows, class_="stack")
    return tag("details", title, body, id=f"checks-{run['node']}", **opened)


def _severity(result: Mapping[str, Any]) -> str:
    """Rows of before checks had one are read as ``hold``."""
    return str(result.get("severity", "hold"))


def _tone(result: Mapping[str, Any]) -> str:
    warned = result["status"] != "passed" and _severity(result) == "warn"
    return "ask" if warned else _TONES.get(result["status"], "ask")


def repairs(document: Mapping[str, Any]) -> Markup | None:
    """What repairs were going to change, and what they did; None if none was due."""
    if not document["repairs"]:
        return None
    rows = [
        (
            tag("strong", r["name"]),
            r["what"],
            r["because"],
            r["found"],
            tag("code", ", ".join(map(str, r["keys"]))),
            r["made"] or "not yet",
        )
        for r in document["repairs"]
    ]
    head = ("Repair", "What it does", "Because of", "What it would change", "Some keys", "What it changed")
    return tag("section", tag("h2", "Repairs of the data"), table(head, rows, class_="stack"), class_="card")


def _found(result: Mapping[str, Any]) -> str:
    """In words; with what was asked for where figures are known."""
    if result["observed"] is None:
        return str(result["detail"])
    asked = "" if result["expected"] is None else f", asked {result['expected']}"
    return f"{result['observed']}{asked}{': ' if result['detail'] else ''}{result['detail']}"


def approvals(document: Mapping[str, Any]) -> Markup | None:
    """Who was asked, who answered, and on which plan; None if nobody was."""
    asked = document["approvals"]
    if not asked:
        return None
    rows = [
        (
            tag("strong", request["node"]),
            f"{request['quorum']} of {', '.join(request['people'])}",
            _answer(request, document["at"]),
            tag("code", str(request["plan_digest"])[:19] + "…"),
        )
        for request in asked
    ]
    head = tag("h2", "Approvals")
    note = None
    if any(request["open"] for request in asked):
        words = "Answer in Airflow: the run's tab “Required Actions”. The page's figures are what the answer rests on."
        note = tag("p", words, class_="quiet")
    return tag("section", head, note, table(("For", "Asked", "Answer", "Plan"), rows, class_="stack"), class_="card")


def _answer(request: Mapping[str, Any], now: float) -> object:
    given = [tag("div", f"{a['person']} said yes, {when(a['at'])}", class_="yes") for a in request["given"]]
    if request["refused"]:
        return [*given, tag("div", f"no: {request['refused']}", class_="no")]
    if request["open"]:
        return [*given, tag("div", f"not yet, {age(request['expires_at'] - now)} left", class_="ask")]
    return given or "nobody answered"


def who_did_what(document: Mapping[str, Any]) -> Markup:
    """The journal's rows of this operation, newest first."""
    rows = [
        (
            row["seq"],
            tag("span", f"+{row['after']:.1f} s", class_="time"),
            row["actor"],
            [row["kind"].replace("_", " "), " ", tag("strong", row["node"])],
            row["words"],
            f"epoch {row['epoch']}",
        )
        for row in reversed(document["log"])
    ]
    shown = table(("Row", "When", "Who", "What", "", ""), rows, class_="stack")
    title = tag("summary", "Who did what", tag("small", f" {len(rows)} rows of the journal"))
    return tag("section", tag("details", title, shown, id="log"), class_="card")
