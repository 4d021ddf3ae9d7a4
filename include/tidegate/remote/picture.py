"""Progress in lines: what is new between two looks. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.remote.ending import Sight, waits_for


def news(before: Sight | None, now: Sight) -> list[str]:
    """Lines about what has changed; at the first look about all that is known."""
    old = dict(_facts(before)) if before else {}
    return [f"{topic}: {text}" for topic, text in _facts(now) if text and old.get(topic) != text]


def _facts(sight: Sight) -> Iterator[tuple[str, str]]:
    """Topic and words, in the order in which they are told."""
    document = sight.document
    if document is None:
        yield "run", sight.run_state
        yield "tasks", _running(sight.tasks)
        yield "waits for", waits_for(sight)
        return
    about = document["operation"]
    yield "operation", f"{about['id']} ({about['kind']} of {about['candidate']['version']})"
    yield "candidate's part", _weights(document)
    yield "goes back", str(about["why_back"] or "")
    yield "at", _position(document.get("position"))
    yield "waits for", waits_for(sight)


def _weights(document: Mapping[str, Any]) -> str:
    parts = []
    for region, changes in ((document.get("series") or {}).get("weights") or {}).items():
        if changes:
            parts.append(f"{region} {changes[-1][1]:g} %")
    return ", ".join(parts)


def _position(position: Mapping[str, Any] | None) -> str:
    if not position or not position["node"]:
        return ""
    return f"{position['node']} ({position['done']} of {position['of']} done): {position['meaning']}"


def _running(tasks: Mapping[str, str]) -> str:
    return ", ".join(sorted(task for task, state in tasks.items() if state in ("running", "deferred")))
