"""What a scenario does to the estate while the operation runs. Each waits for its moment, then acts once."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

from lab import power
from lab.places import REGIONS
from lab.story.scenario import Disturbance
from lab.story.stage import Stage
from tidegate.engine.view import OperationView

FIRST = REGIONS[0]
SECOND = REGIONS[1]  # where no candidate is while it is tried in the first
Poll = Callable[[OperationView], None]


def disturbance(stage: Stage, kind: Disturbance | None, version: str | None) -> Poll:
    """A function to be called again and again with the operation as it stands."""
    if kind is Disturbance.SCHEDULER_KILLED:
        return _Once(lambda view: view.verified("wave-1.shift-25"), lambda: _kill_scheduler(stage))
    if kind is Disturbance.BURN_CRITICAL:
        return _Once(lambda view: view.verified("wave-1.shift-25"), lambda: _make_critical(stage, version or ""))
    if kind is Disturbance.OTHER_REGION_DEAD:
        return _Once(lambda view: view.verified("wave-1.shift-5"), lambda: power.cut(stage.lab, SECOND))
    if kind is Disturbance.CHECKOUTS_FAIL:
        return _Once(
            lambda view: view.verified("wave-1.shift-25"),
            lambda: _turn(stage, {version or "": {"checkout_failures": 0.08}}),
        )
    return _nothing


def before(stage: Stage, kind: Disturbance | None) -> None:
    """What has happened when somebody asks."""
    if kind is Disturbance.FIRST_REGION_DEAD:
        power.cut(stage.lab, FIRST)


def calm(stage: Stage) -> None:
    """Take every dial back, and give power back to a region that has lost it."""
    power.restore(stage.lab, SECOND)
    (stage.lab.places.lab / "faults.json").unlink(missing_ok=True)


def hold_leak(stage: Stage, version: str) -> None:
    """The release stays tight until :func:`calm`: how many requests it answers while it is tried is the machine's
    business, and what is to be shown is a release that fails after its promotion."""
    _turn(stage, {version: {"leaks_after": 0}})


def _turn(stage: Stage, dials: dict[str, dict[str, float]]) -> None:
    """Renamed into place, as the shop expects it."""
    temporary = stage.lab.places.lab / "faults.json.new"
    temporary.write_text(json.dumps(dials))
    temporary.replace(stage.lab.places.lab / "faults.json")


def _nothing(view: OperationView) -> None:
    return None


class _Once:
    def __init__(self, when: Callable[[OperationView], bool], act: Callable[[], None]) -> None:
        self._when, self._act, self._done = when, act, False

    def __call__(self, view: OperationView) -> None:
        if not self._done and self._when(view):
            self._done = True
            self._act()


def _kill_scheduler(stage: Stage) -> None:
    """SIGKILL to the scheduler's own process; its supervisor brings it back, as it would in production."""
    os.kill(stage.lab.control().pid("airflow-scheduler"), signal.SIGKILL)


def _make_critical(stage: Stage, version: str) -> None:
    """Half of the candidate's checkouts fail, and the first region's stable slot loses half of its instances."""
    control = stage.lab.control("east")
    stable = next(name for name, state in sorted(control.states().items()) if _is_stable(stage, name, state))
    control.stop(stable)
    _turn(stage, {version: {"checkout_failures": 0.5}})


def _is_stable(stage: Stage, name: str, state: str) -> bool:
    slot = stage.stable_slot()
    return state == "RUNNING" and f"-east-{slot}" in name
