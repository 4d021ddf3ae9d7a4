"""Airflow is lost in the middle of a failover: a person carries it on from a terminal, and what wakes up is refused."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lab import processes
from lab.airflow import COMPONENTS
from lab.airflow_api import await_value
from lab.story.stage import Stage
from tidegate.engine.view import OperationView
from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind
from tidegate.plan.names import CUTOVER_END

PERSON = "cat"
FROZEN_AT = "scale.target"  # a step whose effect takes a while
BEGUN_WITHIN, THAWED_WITHIN = 180.0, 30.0  # seconds
_PROGRAMS = tuple(f"airflow-{component}" for component in COMPONENTS)
_REFUSED = re.compile(r"[^\n]*(?:taken over|superseded|already verified|already_verified)[^\n]*")


def moment(view: OperationView) -> bool:
    """In the middle: the writer has moved, and what its users need has not all followed."""
    return view.verified(CUTOVER_END)


def lose_airflow(stage: Stage, view: OperationView) -> None:
    """SIGKILL to every process of Airflow's, and none is started again until the operation has ended without it."""
    control = stage.lab.control()
    killed = [pid for name in _PROGRAMS for pid in processes.tree(control.pid(name))]
    since = time.time()
    for pid in killed:
        processes.kill_one(pid)
    for name in _PROGRAMS:
        control.stop(name)  # or the supervisor would start it again at once
    try:
        told = {"operation": view.id, "killed": len(killed), **_carry_on(stage, view.id)}
        stage.found["taken_over"] = {**told, "without_airflow": round(time.time() - since, 1)}
    finally:
        for name in _PROGRAMS:
            control.start(name)


def freeze_worker(stage: Stage, view: OperationView) -> None:
    """SIGSTOP to whoever does a step, as soon as it is begun; they wake up when it has ended without them."""
    await_value(lambda: _begun(stage, view.id), BEGUN_WITHIN, f"{FROZEN_AT} has not begun")
    scheduler = stage.lab.control().pid("airflow-scheduler")
    frozen = [pid for pid in processes.tree(scheduler) if pid != scheduler]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    in_mid_step = stage.operation_of(view.id).node(FROZEN_AT).status == "intended"
    try:
        told = {"operation": view.id, "frozen": len(frozen), "in_mid_step": in_mid_step, **_carry_on(stage, view.id)}
    finally:
        for pid in frozen:
            _wake(pid)
    stage.found["taken_over"] = {**told, "worker_said": _worker_said(stage, view)}


def rows_by_airflow_after(stage: Stage, operation: str) -> list[str]:
    """What Airflow's tasks wrote of an effect after a person had taken the operation over: nothing is to be there."""
    rows = stage.events(operation)
    taken = next((e.seq for e in rows if e.kind is EventKind.LEASE_TAKEN), None)
    kinds = (EventKind.STEP_INTENDED, EventKind.STEP_VERIFIED, EventKind.STEP_FAILED, EventKind.GATE_OPENED)
    ended = next((e.seq for e in rows if e.kind is EventKind.OPERATION_CLOSED), 0)
    return [
        f"{e.kind.value} {e.body.get('node')} by {e.actor}"
        for e in rows
        if taken is not None and taken < e.seq and (e.seq > ended or e.actor.startswith("airflow ")) and e.kind in kinds
    ]


def _carry_on(stage: Stage, operation: str) -> dict[str, Any]:
    """``tidegate resume OPERATION --take-over``, as a person types it."""
    command = [str(Path(sys.executable).with_name("tidegate")), "resume", operation, "--take-over"]
    command += ["--by", PERSON, "--reason", "Airflow is lost"]
    began = time.monotonic()
    done = subprocess.run(command, env=stage.lab.env(), capture_output=True, text=True, timeout=300, check=False)  # noqa: S603
    took = round(time.monotonic() - began, 1)
    if done.returncode:
        raise NotSettled(f"tidegate resume exited with {done.returncode}: {done.stdout[-600:]} {done.stderr[-600:]}")
    return {"resume_seconds": took, "exit_code": done.returncode}


def _begun(stage: Stage, operation: str) -> bool | None:
    return stage.operation_of(operation).node(FROZEN_AT).status != "open" or None


def _wake(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:  # the scheduler has given it up meanwhile
        return


def _worker_said(stage: Stage, view: OperationView) -> str | None:
    """What the task's own log says once it woke up; None if it says nothing within the time."""
    logs = stage.lab.places.airflow / "logs" / f"dag_id={view.kind.value}__{view.service}"
    deadline = time.monotonic() + THAWED_WITHIN
    while time.monotonic() < deadline:
        for path in sorted(logs.glob(f"run_id=*/task_id={FROZEN_AT}/attempt=1.log")):
            if found := _REFUSED.search(path.read_text(errors="replace")):
                return found[0][-400:]
        time.sleep(0.2)
    return None
