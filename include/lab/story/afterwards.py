"""What comes by itself after a promotion: the guard's detection, and the rollback that it starts. Watched and timed."""

from __future__ import annotations

import time
from typing import Any

from lab.airflow_api import FINISHED, AirflowApi
from lab.load import records
from lab.story.measure import Ran
from lab.story.stage import SERVICE, Stage
from tidegate.engine.after_promotion import FAILED
from tidegate.engine.view import OperationView
from tidegate.errors import NotSettled, TidegateError
from tidegate.journal.model import Event, EventKind

DAG = f"rollback__{SERVICE}"
LOOK_EVERY = 0.5  # seconds
GUARD = "guard"


def await_rollback(stage: Stage, cat: AirflowApi, promoted: Ran, within: float) -> Ran:
    """The rollback that nobody asked for, from the promotion's trigger to its own end. Raises :class:`NotSettled`."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        stage.load_goes_on()
        run_id = _opened_by_guard(stage, promoted.until)
        state = _state(cat, run_id) if run_id else None
        if run_id and state in FINISHED:
            return Ran(DAG, run_id, str(state), promoted.since, time.time(), cat.tasks(DAG, run_id))
        time.sleep(LOOK_EVERY)
    raise NotSettled(f"no rollback that the guard asked for has ended within {within:g} s after the promotion")


def _opened_by_guard(stage: Stage, since: float) -> str | None:
    """The DAG run behind the guard's rollback; its id ends the request's."""
    for event in stage.journal.events(SERVICE, kinds={EventKind.OPERATION_OPENED}):
        if event.at >= since and event.body["kind"] == "rollback" and event.body["requester"] == GUARD:
            return str(event.body["request_id"]).removeprefix(f"{DAG}/")
    return None


def _state(cat: AirflowApi, run_id: str) -> str | None:
    try:
        return str(cat.run(DAG, run_id)["state"])
    except TidegateError:
        return None


def detection(stage: Stage, version: str, since: float) -> Event | None:
    """The row in which the guard says that the release fails."""
    notes = stage.journal.events(SERVICE, kinds={EventKind.NOTE})
    return next((e for e in notes if e.at >= since and e.body.get("what") == FAILED and version in e.body["why"]), None)


def times(stage: Stage, version: str, ran: Ran, view: OperationView | None) -> dict[str, Any]:
    """``first_bad_to_verdict``: from the release's first bad answer to the detection; ``verdict_to_safe``: from there
    to the last request that it was given; ``to_rollback``: to the operation that nobody asked for."""
    found = detection(stage, version, ran.since)
    if found is None or view is None:
        return {"first_bad_to_verdict": None, "verdict_to_safe": None, "to_rollback": None}
    bad = records.bad_requests(stage.load_dir, ran.since, ran.until, version)
    last = records.last_seen(stage.load_dir, version, found.at, ran.until)
    return {
        "first_bad_to_verdict": round(found.at - bad[0].ended, 2) if bad else None,
        "verdict_to_safe": round((last or found.at) - found.at, 2),
        "to_rollback": round(view.opened_at - found.at, 2),
    }
