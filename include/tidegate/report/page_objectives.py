"""RTO and RPO on the operation's page: each stage as a bar on the scale of the RTO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.report.markup import Markup, table, tag

_MEANS = {
    "prepare": "users are served all the while",
    "detect": "from the first failing probe until the loss was on record",
    "decide": "until the first effect was begun",
    "human wait": "until somebody asked for it, had signed, or lifted a pause",
    "act": "fence, promote, move the traffic",
    "verify": "until a write has proved it",
    "restore": "until everything was at its end",
}


def objectives(document: Mapping[str, Any]) -> Markup | None:
    """None for an operation that takes nothing from users."""
    found = document["objectives"]
    if found is None:
        return None
    counted = [stage for stage in found["stages"] if stage["counts"]]
    beside = [stage for stage in found["stages"] if not stage["counts"] and stage["seconds"]]
    scale = max(found["rto_target"] or 0.0, found["gone"], 0.001)
    head = tag("h2", "Time without the service, and what is lost")
    rto = tag("p", tag("strong", found["rto_words"]), class_=_tone(found["rto_met"]))
    rpo = tag("p", tag("strong", found["rpo_words"]), class_=_tone(found["rpo_met"]))
    rows = [_row(stage, scale) for stage in counted] + [_row(stage, None) for stage in beside]
    shown = table(("Stage", "Seconds", "Of the RTO", ""), rows, class_="stack")
    note = f"Where it begins: {found['known_by']}."
    if found["green"] is not None:
        note += f" Alarms green again after {found['green']:.1f} s: the vantage points see the new primary as well."
    return tag("section", head, rto, rpo, shown, tag("small", note), class_="card", id="objectives")


def _row(stage: Mapping[str, Any], scale: float | None) -> tuple[object, ...]:
    """``scale``: seconds of a whole bar; None: not counted."""
    seconds = tag("span", f"{stage['seconds']:.1f} s{' so far' if stage['running'] else ''}", class_="time")
    name = tag("strong", stage["name"], **({"class_": "open"} if stage["running"] else {}))
    bar: object = "not counted"
    if scale is not None:
        words = f"{stage['name']}: {stage['seconds']:.1f} of {scale:g} s"
        bar = tag("progress", max=f"{scale:g}", value=f"{min(stage['seconds'], scale):g}", aria_label=words)
    return name, seconds, bar, _MEANS[stage["name"]]


def _tone(met: bool | None) -> str:
    return {True: "yes", False: "alarm", None: "open"}[met]
