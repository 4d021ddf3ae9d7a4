"""The plan on the page: where it stands, what it waits for, what is done and what is left."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.report.markup import Markup, table, tag

_MARKS = {"verified": "✓", "failed": "✗", "intended": "…", "open": "·"}


def progress(document: Mapping[str, Any]) -> Markup | None:
    """One line and a bar: at which node of how many. None once it is closed."""
    stands = document["position"]
    if stands is None:
        return None
    way = "the way back" if stands["way"] == "return" else "the way forward"
    bar = tag("progress", max=str(stands["of"]), value=str(stands["done"]), aria_label="done of the plan")
    words = f"{stands['done']} of {stands['of']} on {way}. Now: "
    return tag("p", words, tag("strong", stands["node"] or "the outcome"), f", {stands['meaning']}", bar)


def waiting(document: Mapping[str, Any]) -> Markup | None:
    """What the next gate has and needs, signal by signal."""
    gate = document["waiting"]
    if gate is None:
        return None
    missing = [_reading(r) for r in gate["readings"] if r["verdict"] != "pass"]
    there = [_reading(r) for r in gate["readings"] if r["verdict"] == "pass"]
    columns = ("", "Signal", "Seen", "", "Still missing")
    shown = [table(columns, missing, class_="stack") if missing else None]
    if there:
        passed = tag("summary", f"{len(there)} signals pass")
        shown.append(tag("details", passed, table(columns, there, class_="stack"), id="signals-passed"))
    verdict = tag("span", gate["verdict"].replace("_", " "), class_=f"pill {gate['verdict']}")
    head = tag("h2", "Evidence for ", tag("code", gate["node"]), " ", verdict)
    return tag("section", head, shown, class_="card")


def _reading(reading: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        tag("span", reading["verdict"].replace("_", " "), class_=reading["verdict"]),
        tag("strong", reading["signal"]),
        reading["why"],
        _have(reading["figures"]),
        reading["missing"],
    )


def _have(figures: Mapping[str, Any]) -> Markup | None:
    if "have" not in figures or "need" not in figures:
        return None
    have, need = figures["have"], figures["need"]
    return tag("progress", max=f"{max(need, 1):g}", value=f"{min(have, need):g}", aria_label=f"{have} of {need:g}")


def plan(document: Mapping[str, Any]) -> Markup:
    """Every stage; those that matter now stand open."""
    stages = document["plan"]["stages"]
    closed = document["position"] is None
    return tag(
        "section",
        tag("h2", "Plan"),
        [_stage(stage, closed, document["operation"]["state"]) for stage in stages],
        class_="card",
    )


def _stage(stage: Mapping[str, Any], closed: bool, state: str) -> Markup:
    nodes = stage["nodes"]
    here = any(node["here"] or node["status"] in ("failed", "intended") for node in nodes)
    way = "the way back, " if stage["phase"] == "return" else ""
    count = tag("small", f" {way}{stage['done']} of {stage['of']}")
    mark = "✓ " if stage["done"] == stage["of"] else "▸ " if here and not closed else ""
    rows = "".join(_node(node) for node in nodes)
    body = tag("div", tag("table", tag("tbody", Markup(rows))), class_="stack")
    opened = {"open": ""} if here else {}
    return tag("details", tag("summary", mark, stage["title"], count), body, id=f"stage-{stage['id']}", **opened)


def _node(node: Mapping[str, Any]) -> Markup:
    mark = tag("span", _MARKS[node["status"]], class_=node["status"], title=node["status"])
    name = [tag("strong", node["id"]), tag("div", tag("small", node["meaning"]))]
    after = "" if node["after"] is None else f"+{node['after']:.1f} s"
    seen = [tag("strong", "stands here ", class_="open") if node["here"] else None, node["detail"]]
    cells = [mark, name, tag("span", after, class_="time"), [*seen, _readings(node)]]
    attributes = {"class_": "here"} if node["here"] else {}
    return tag("tr", [tag("td", cell) for cell in cells], id=f"node-{node['id']}", **attributes)


def _readings(node: Mapping[str, Any]) -> Markup | None:
    readings = (node["evidence"] or {}).get("readings") or ()
    if not readings:
        return None
    rows = (
        (
            reading["signal"],
            tag("span", reading["verdict"].replace("_", " "), class_=reading["verdict"]),
            reading["why"],
            ", ".join(f"{key} {value}" for key, value in reading["figures"].items()),
            reading["missing"],
        )
        for reading in readings
    )
    shown = table(("Signal", "Verdict", "Why", "Figures", "Missing"), rows)
    return tag("details", tag("summary", f"{len(readings)} signals"), shown, id=f"signals-{node['id']}")
