"""Pause, resume and abort on the page: say why, say it again, and read what happened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.report.markup import Markup, tag

_WORDS = {
    "pause": ("Pause…", "Pause it", "Weights stand still and nothing goes forward; the guard goes on watching."),
    "resume": ("Resume…", "Resume it", "The pause is lifted and the operation goes on where it stands."),
    "abort": ("Abort…", "Abort it", "Traffic is made safe first, then the way back is taken. This cannot be undone."),
}


def controls(document: Mapping[str, Any], address: str) -> Markup | None:
    """Forms that the page's script sends; without a script, the commands that do the same. None once it is closed."""
    about = document["operation"]
    if about["outcome"]:
        return None
    commands = [
        tag("code", f"tidegate {name} {document['service']} {about['id']} --by <name> --reason <why>", class_="command")
        for name in _WORDS
    ]
    typed = tag("details", tag("summary", "By command"), commands, id="commands")
    return tag(
        "section",
        tag("div", [_form(name, address) for name in _WORDS], typed, class_="controls"),
        tag("p", id="said", class_="said", role="status", hidden=""),
        id="controls",
        aria_label="Controls",
        class_="card",
    )


def _form(name: str, address: str) -> Markup:
    title, button, meaning = _WORDS[name]
    danger = "danger" if name == "abort" else ""
    reason = tag(
        "label",
        "Why? It goes into the journal with your name.",
        tag("input", name="reason", required="", maxlength="500", autocomplete="off", id=f"reason-{name}"),
    )
    fields = tag(
        "div",
        tag("p", meaning, class_="quiet"),
        reason,
        tag("button", button, type="submit", class_=danger),
        class_="fields",
    )
    sure = tag(
        "div",
        tag("p", tag("strong", f"{button}, really?"), f" {meaning}"),
        tag("button", f"Yes, {name}", type="submit", class_=danger),
        " ",
        tag("button", "No, leave it", type="button", class_="not"),
        class_="sure",
        hidden="",
    )
    form = tag("form", fields, sure, data_to=f"{address}/{name}")
    return tag("details", tag("summary", title, class_=danger), form, data_control=name, hidden="")
