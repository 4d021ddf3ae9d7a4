"""What a scenario does to the estate while the operation runs. Each waits for its moment, then acts once."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
import uuid
from collections.abc import Callable, Sequence

from lab import outlets, power
from lab.airflow_api import await_value
from lab.databases import PROGRAM
from lab.links import LinkControl
from lab.load import records
from lab.places import REGIONS, no_faults
from lab.story import small, stale_asset, takeover
from lab.story.bookkeeping import close_ledger
from lab.story.desk import Desk
from lab.story.scenario import Disturbance, Expectation, Scenario
from lab.story.stage import Stage
from lab.switch import Switch
from tidegate.engine.view import OperationView
from tidegate.errors import TidegateError
from tidegate.plan.names import LEDGER_NODE, PROMOTE_NODE

FIRST = REGIONS[0]
REPLICATION = f"{REGIONS[1]}-to-{FIRST}-replication"  # the link by which the second follows the first
BEHIND, BEHIND_WITHIN = 20, 30.0  # orders, and seconds for them
DARK = (
    Disturbance.FIRST_REGION_DEAD,
    Disturbance.FIRST_REGION_BEHIND,
    Disturbance.FIRST_REGION_DIES,
    Disturbance.SECOND_REGION_SMALL,
    Disturbance.AIRFLOW_LOST,
    Disturbance.WORKER_FROZEN,
)
HALFWAY_WITHIN = 180.0  # seconds
ANSWERS_WITHIN, REFUSED_WITHIN = 20.0, 5.0  # seconds, of a supervisor
PROMOTION = Scenario(
    "halfway", "", "promote", {"version": "1.1.0", "reason": "the autumn release"}, Expectation("superseded", "")
)
SECOND = REGIONS[1]  # where no candidate is while it is tried in the first
Poll = Callable[[OperationView], None]


def disturbance(stage: Stage, kind: Disturbance | None, version: str | None) -> Poll:
    """A function to be called again and again with the operation as it stands."""
    tried, dial = version or "", "checkout_failures"
    polls: dict[Disturbance, Poll] = {
        Disturbance.SCHEDULER_KILLED: _Once(_verified("wave-1.shift-25"), lambda: _kill_scheduler(stage)),
        Disturbance.BURN_CRITICAL: _Once(_verified("wave-1.shift-25"), lambda: _make_critical(stage, tried)),
        Disturbance.OTHER_REGION_DEAD: _Once(_verified("wave-1.shift-5"), lambda: power.cut(stage.lab, SECOND)),
        Disturbance.CHECKOUTS_FAIL: _Once(_verified("wave-1.shift-25"), lambda: turn(stage, {tried: {dial: 0.08}})),
        Disturbance.FIRST_REGION_FROZEN: _Once(lambda view: True, lambda: power.thaw(stage.lab, FIRST)),
        # what is still on its way in the link must not arrive
        Disturbance.FIRST_REGION_BEHIND: _Once(_verified(PROMOTE_NODE), lambda: _join(stage)),
        Disturbance.LEDGER_CLOSED: _Once(_verified(LEDGER_NODE), lambda: _close_ledger(stage)),
        Disturbance.ASSET_STALE: _OnceWith(stale_asset.waits_for_it, lambda view: stale_asset.purge(stage, view)),
        Disturbance.AIRFLOW_LOST: _OnceWith(takeover.moment, lambda view: takeover.lose_airflow(stage, view)),
        Disturbance.WORKER_FROZEN: _OnceWith(takeover.moment, lambda view: takeover.freeze_worker(stage, view)),
    }
    return _nothing if kind is None else polls.get(kind, _nothing)


def _verified(node: str) -> Callable[[OperationView], bool]:
    return lambda view: view.verified(node)


def before(stage: Stage, kind: Disturbance | None, desk: Desk) -> None:
    """What has happened when somebody asks."""
    if kind is Disturbance.FIRST_REGION_DIES:
        _promote_halfway(stage, desk)
    if kind is Disturbance.ASSET_STALE:
        stale_asset.put_in(stage)
    if kind in (Disturbance.FIRST_REGION_BACK, Disturbance.LEDGER_CLOSED):
        _come_back_as_writer(stage)
    if kind is Disturbance.FIRST_REGION_BEHIND:
        _let_fall_behind(stage)
    if kind is Disturbance.SECOND_REGION_SMALL:
        small.make(stage, SECOND)
    if kind in DARK:
        power.cut(stage.lab, FIRST)
    if kind is Disturbance.FIRST_REGION_FROZEN:
        power.freeze(stage.lab, FIRST)
    if kind is Disturbance.FIRST_DATABASE_DEAD:
        Switch(stage.lab).turn(outlets.outlets()[f"{FIRST}-postgres"], on=False)


def calm(stage: Stage) -> None:
    """Take every dial back, and give power back to a region that has lost it."""
    power.restore(stage.lab, SECOND)
    no_faults(stage.lab.places)


def hold_leak(stage: Stage, version: str) -> None:
    """The release stays tight until :func:`calm`: how many requests it answers while it is tried is the machine's
    business, and what is to be shown is a release that fails after its promotion."""
    turn(stage, {version: {"leaks_after": 0}})


def turn(stage: Stage, dials: dict[str, dict[str, float]], regions: Sequence[str] = REGIONS) -> None:
    """How badly a release behaves from now on, in these regions: version -> dials. Renamed into place, as the shop
    expects it."""
    for region in regions:
        file = stage.lab.places.faults(region)
        temporary = file.with_name(f"{file.name}.new")
        temporary.write_text(json.dumps(dials))
        temporary.replace(file)


def _nothing(view: OperationView) -> None:
    return None


def _come_back_as_writer(stage: Stage) -> None:
    """The region's supervisor is there again, and somebody tries to have its database be what it was."""
    power.start_region(stage.lab, FIRST)
    control = stage.lab.control(FIRST)
    control.await_answer(ANSWERS_WITHIN)
    (stage.lab.databases().cluster(FIRST).data / "standby.signal").unlink(missing_ok=True)
    with contextlib.suppress(TidegateError):
        control.start(PROGRAM)
    deadline = time.monotonic() + REFUSED_WITHIN
    while control.states()[PROGRAM] == "RUNNING" and time.monotonic() < deadline:
        time.sleep(0.1)  # the shell that looks for power counts as running until it has looked
    stage.found["old_primary"] = control.states()[PROGRAM]


def _promote_halfway(stage: Stage, desk: Desk) -> None:
    """Somebody has begun to promote a good release; its candidate takes a quarter of the first region."""
    request_id = f"halfway-{uuid.uuid4().hex[:8]}"
    desk.ask(PROMOTION, request_id)
    await_value(lambda: _is_halfway(stage, request_id) or None, HALFWAY_WITHIN, "the promotion has not come half-way")
    stage.found["interrupted"] = f"request__{request_id}"


def _is_halfway(stage: Stage, request_id: str) -> bool:
    stage.load_goes_on()
    view = stage.operation(f"request__{request_id}")
    return view is not None and view.verified("wave-1.shift-25")


def _let_fall_behind(stage: Stage) -> None:
    """Users go on ordering while nothing of it reaches the other region."""
    _link(stage).set(REPLICATION, cut=True)
    since = time.time()
    await_value(lambda: _ordered(stage, since) or None, BEHIND_WITHIN, "too few orders while the standby was cut off")


def _link(stage: Stage) -> LinkControl:
    return LinkControl(stage.lab.site().ports["links"])


def _ordered(stage: Stage, since: float) -> bool:
    return len(records.orders_acknowledged(stage.load_dir, since, time.time())) >= BEHIND


def _join(stage: Stage) -> None:
    _link(stage).set(REPLICATION, cut=False)


def _close_ledger(stage: Stage) -> None:
    stage.found["ledger"] = close_ledger(stage, stage.tidegate)


class _OnceWith:
    def __init__(self, when: Callable[[OperationView], bool], act: Callable[[OperationView], None]) -> None:
        self._when, self._act, self._done = when, act, False

    def __call__(self, view: OperationView) -> None:
        if not self._done and self._when(view):
            self._done = True
            self._act(view)


class _Once(_OnceWith):
    def __init__(self, when: Callable[[OperationView], bool], act: Callable[[], None]) -> None:
        super().__init__(when, lambda view: act())


def _kill_scheduler(stage: Stage) -> None:
    """SIGKILL to the scheduler's own process; its supervisor brings it back, as it would in production."""
    os.kill(stage.lab.control().pid("airflow-scheduler"), signal.SIGKILL)


def _make_critical(stage: Stage, version: str) -> None:
    """Half of the candidate's checkouts fail, and the first region's stable slot loses half of its instances."""
    control = stage.lab.control("east")
    stable = next(name for name, state in sorted(control.states().items()) if _is_stable(stage, name, state))
    control.stop(stable)
    turn(stage, {version: {"checkout_failures": 0.5}})


def _is_stable(stage: Stage, name: str, state: str) -> bool:
    slot = stage.stable_slot()
    return state == "RUNNING" and f"-east-{slot}" in name
