"""How a followed request ended, or stands. Pure: from what Airflow and the journal's document say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from tidegate.model.operation import GOOD_END, OperationKind, Outcome
from tidegate.remote.airflow import FINISHED

GONE = "deleted"  # the state of a run that somebody has deleted: the journal alone knows how it stands


class Ending(StrEnum):
    """One for each exit code of ``tidegate promote`` and ``tidegate rollback``."""

    AS_MEANT = "as_meant"
    REFUSED = "refused"
    FORBIDDEN = "forbidden"
    CAUGHT = "caught"
    NOT_APPROVED = "not_approved"
    TURNED_BACK = "turned_back"
    WAITS = "waits"
    RUNS = "runs"
    NEEDS_PERSON = "needs_person"
    LOST_SIGHT = "lost_sight"


@dataclass(frozen=True)
class Sight:
    """One look. ``document``: Tidegate's own, None if the journal has no such operation (yet). ``paused``: the DAG is.
    ``refusal``: why no operation was opened, as the run's first task says it; "" if one was, or not known."""

    run_state: str
    tasks: Mapping[str, str]
    document: Mapping[str, Any] | None
    paused: bool = False
    refusal: str = ""

    @property
    def finished(self) -> bool:
        return self.run_state in FINISHED or self.run_state == GONE


def ended(kind: OperationKind, sight: Sight) -> Ending:
    """How it ended, once the run is finished. The journal's record decides, not the colours of tasks."""
    if sight.document is None:
        if sight.run_state == GONE:
            return Ending.LOST_SIGHT  # it was begun, and nothing tells what came of it
        if sight.tasks.get("bind") == "success":
            return Ending.NEEDS_PERSON
        return Ending.FORBIDDEN if sight.refusal.startswith("Forbidden:") else Ending.REFUSED
    about = sight.document["operation"]
    match about["outcome"]:
        case None:
            return Ending.NEEDS_PERSON
        case outcome if outcome == GOOD_END[kind].value:
            return Ending.AS_MEANT
        case _ if any(_was_no(approval, str(about["why_back"])) for approval in sight.document["approvals"]):
            return Ending.NOT_APPROVED
        case _ if str(about["why_back"]).startswith(("aborted by ", "gives way to ")):
            return Ending.TURNED_BACK
        case Outcome.REFUSED.value:
            return Ending.REFUSED
    return Ending.CAUGHT


def _was_no(approval: Mapping[str, Any], why_back: str) -> bool:
    """Whether it was refused, or its time ran out and that was why it went back."""
    return bool(approval["refused"]) or why_back.startswith(f"{approval['node']}:")


def unfinished(sight: Sight) -> Ending:
    """How it stands when there is no time left to wait."""
    return Ending.WAITS if waits_for(sight) else Ending.RUNS


def waits_for(sight: Sight) -> str:
    """Whom it waits for, in words; "" if for nobody."""
    document = sight.document or {}
    held = (document.get("operation") or {}).get("held") or document.get("held")
    if held:
        return f"{held['person']}, who paused it: {held['why']}"
    for approval in document.get("approvals", ()):
        if approval["open"]:
            given = {one["person"] for one in approval["given"]}
            people = [person for person in approval["people"] if person not in given]
            return f"{approval['quorum'] - len(given)} of {', '.join(people)} to approve {approval['node']}"
    if sight.paused and sight.run_state == "queued":
        return "somebody to unpause the DAG"
    return ""
