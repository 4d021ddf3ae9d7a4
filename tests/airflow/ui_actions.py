"""Whatever people do in Airflow's UI: what Airflow shows then, what the journal says, where the traffic is, and what
the person does next. One table: the tests hold it against Airflow, and the page in the reference is printed from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.support.airflow_loop import Killed, Loop
from tests.support.estate import Rig
from tests.support.operations import weights
from tidegate.checks.model import Status
from tidegate.engine import control
from tidegate.errors import OutcomeUnknown
from tidegate.model.operation import OperationState
from tidegate.policy.schema import Approval

SHIFT, GATE, APPROVAL, LATER = "wave-1.shift-25", "wave-1.gate-25", "wave-1.approve-100", "wave-1.shift-100"
ASKED = (Approval(before="100%", people=("ann", "ben"), quorum=1, within="10m"),)
BY = {"person": "ann", "reason": "customers call", "actor": "ann"}


@dataclass(frozen=True)
class Seen:
    """``airflow``: state of the run. ``journal``: of the operation. ``traffic``: the candidate's, in words."""

    airflow: str
    journal: str
    traffic: str


PROMOTED = Seen("success", "closed: promoted", "all")
TAKEN_BACK = Seen("failed", "closed: rolled_back", "none")
AS_IT_WAS = "running"
CANARY = "25 % of east"


@dataclass
class Case:
    """One run in Airflow that somebody does something to."""

    rig: Rig
    loop: Loop

    def seen(self) -> Seen:
        view = self.loop.view()
        assert view is not None
        held = ", paused" if view.held else ""
        state = f"closed: {view.outcome}" if view.state is OperationState.CLOSED else f"{view.state}{held}"
        return Seen(self.loop.state(), state, traffic(self.rig))

    def to(self, node: str) -> None:
        """Let the run go on until that node is done, and nothing after it has begun."""

        def there() -> bool:
            view = self.loop.view()
            return view is not None and view.verified(node)

        self.loop.go(there)

    def to_canary(self) -> None:
        self.to(SHIFT)

    def in_the_gate(self, act: Callable[[], None]) -> None:
        """Do it while the gate's task runs; Airflow ends the task's process then."""
        self.to_canary()
        done: list[bool] = []

        def tick(_: float) -> None:
            if not done:
                done.append(True)
                act()
                raise Killed

        self.rig.clock.ticks.append(tick)
        self.loop.go(lambda: bool(done))

    def in_the_shift(self, act: Callable[[], None]) -> None:
        """Do it while the first shift's task runs, just before its write; Airflow ends the process then."""
        done: list[bool] = []

        def before(effect: Any) -> None:
            if effect.family == "traffic" and not done:
                done.append(True)
                act()
                raise Killed

        self.rig.traffic.world.before_effect = before
        self.loop.go(lambda: bool(done))

    def to_the_question(self) -> None:
        """Until people are asked, and nobody answers."""
        self.to(GATE)
        self.loop.go()


def traffic(rig: Rig) -> str:
    arms = {arm: weight for arm, weight in weights(rig).items() if arm.endswith("-b")}
    if arms == {"east-b": 5000, "west-b": 5000}:
        return "all"
    return ", ".join(f"{w * 100 // 5000} % of {arm[:-2]}" for arm, w in arms.items()) or "none"


Act = Callable[[Case], None]


@dataclass(frozen=True)
class Row:
    """``did``, ``when``: in words. ``then``: as it stands once nothing more happens by itself. ``next``: what the
    person does, empty if nothing is needed, and ``end`` what comes of that. ``stranded``: meanwhile nobody carries it
    on, and the page has to say so."""

    key: str
    did: str
    when: str
    act: Act
    then: Seen
    next: str = ""
    after: Act | None = None
    end: Seen | None = None
    version: str = "1.1.0"
    approvals: tuple[Approval, ...] = ()
    stranded: bool = False


def nothing(case: Case) -> None:
    return None


def mend_and_clear(case: Case) -> None:
    case.rig.checks.status.clear()
    case.loop.clear("return.rung-traffic", downstream=True)


def bad_data(case: Case) -> None:
    case.rig.users.error_rate["1.2.0"] = {"checkout": 1.0, "browse": 1.0}
    case.rig.checks.status["orders_have_events"] = Status.VIOLATED
    case.loop.go()


def finish(case: Case) -> None:
    case.loop.go()


def clear_finished(case: Case) -> None:
    case.to_canary()
    case.loop.clear(SHIFT)


def clear_midway(case: Case) -> None:
    case.to(GATE)
    case.loop.clear_run()


def clear_ended(case: Case) -> None:
    finish(case)
    assert case.seen() == PROMOTED
    case.loop.clear_run()


def mark_gate_green(case: Case) -> None:
    case.to_canary()
    case.loop.mark(GATE, "success")


def mark_shift_green(case: Case) -> None:
    case.to("wave-1.ready")
    case.loop.mark(SHIFT, "success")


def mark_question(state: str) -> Act:
    def act(case: Case) -> None:
        case.to_the_question()
        case.loop.mark(APPROVAL, state)

    return act


def delete(case: Case) -> None:
    case.to_canary()
    case.loop.delete_run(wanted=409)  # Airflow deletes no run that is running
    case.loop.mark_run("failed")
    case.loop.delete_run()


def abort_and_clear(case: Case) -> None:
    control.abort(case.rig.world, case.loop.operation, **BY)
    assert control.make_safe(case.rig.world, case.loop.operation, actor="ann").done
    assert traffic(case.rig) == "none", "safe before anything is cleared"
    case.loop.clear_run()


def trigger_same_again(case: Case) -> None:
    case.loop.trigger("1.1.0", run_id=case.loop.run_id)


def pause_dag(case: Case) -> None:
    case.to_canary()
    case.loop.pause_dag(True)


def trigger_twice(case: Case) -> None:
    case.to_canary()
    second = case.loop.trigger_another("1.1.0")
    first, case.loop.run_id = case.loop.run_id, second
    assert case.loop.state() == "queued"
    assert case.loop.view() is None, "it has opened nothing: the service is held"
    case.loop.run_id = first
    case.loop.go(lambda: case.loop.state() == "success")
    case.loop.run_id = second
    case.loop.go(lambda: case.loop.state() == "failed")
    assert case.seen() == Seen("failed", "closed: refused", "all"), "it is the stable release already"
    case.loop.run_id = first


def trigger_same_id(case: Case) -> None:
    case.to_canary()
    case.loop.trigger("1.1.0", run_id=case.loop.run_id, wanted=409)


def retried_by_airflow(case: Case) -> None:
    case.to("wave-1.ready")
    case.rig.traffic.faults.fail_next = OutcomeUnknown("the connection broke after it was sent")


def held(case: Case) -> None:
    case.to_canary()
    control.pause(case.rig.world, case.loop.operation, **BY)


def lift(case: Case) -> None:
    control.resume(case.rig.world, case.loop.operation, **BY)


def aborted(case: Case) -> None:
    case.to_canary()
    control.abort(case.rig.world, case.loop.operation, **BY)
    assert control.make_safe(case.rig.world, case.loop.operation, actor="ann").done
    assert traffic(case.rig) == "none"


STANDS = Seen("success", AS_IT_WAS, CANARY)

ROWS = (
    Row(
        "clear-running",
        "clears a task that runs",
        "in a shift, before its write",
        lambda c: c.in_the_shift(lambda: c.loop.clear(SHIFT)),
        PROMOTED,
    ),
    Row(
        "clear-running-gate",
        "clears a task that runs",
        "in a gate",
        lambda c: c.in_the_gate(lambda: c.loop.clear(GATE)),
        PROMOTED,
    ),
    Row("clear-finished", "clears a task that is done", "after a shift", clear_finished, PROMOTED),
    Row(
        "clear-failed",
        "clears a task that failed",
        "on the way back: the data is wrong",
        bad_data,
        Seen("failed", "stopping", "none"),
        "mends the data, clears the failed task with those after it",
        mend_and_clear,
        TAKEN_BACK,
        version="1.2.0",
        stranded=True,
    ),
    Row("clear-run-midway", "clears the whole run", "in mid-canary", clear_midway, PROMOTED),
    Row("clear-run-ended", "clears the whole run", "after it ended", clear_ended, PROMOTED),
    Row("gate-success", "marks a gate as success", "before it opened", mark_gate_green, TAKEN_BACK),
    Row("shift-success", "marks a shift as success", "before it was done", mark_shift_green, TAKEN_BACK),
    Row(
        "approval-success",
        "marks an approval as success",
        "while people are asked",
        mark_question("success"),
        TAKEN_BACK,
        approvals=ASKED,
    ),
    Row(
        "gate-failed",
        "marks a gate as failed",
        "while it waits",
        lambda c: c.in_the_gate(lambda: c.loop.mark(GATE, "failed")),
        TAKEN_BACK,
    ),
    Row(
        "shift-failed",
        "marks a shift as failed",
        "while it runs, before its write",
        lambda c: c.in_the_shift(lambda: c.loop.mark(SHIFT, "failed")),
        TAKEN_BACK,
    ),
    Row(
        "approval-failed",
        "marks an approval as failed",
        "while people are asked",
        mark_question("failed"),
        TAKEN_BACK,
        approvals=ASKED,
    ),
    Row(
        "run-success",
        "marks the run as success",
        "in mid-canary",
        lambda c: c.in_the_gate(lambda: c.loop.mark_run("success")),
        STANDS,
        "clears the run: it goes on where the journal stands",
        lambda c: c.loop.clear_run(),
        PROMOTED,
        stranded=True,
    ),
    Row(
        "run-failed",
        "marks the run as failed",
        "in mid-canary",
        lambda c: c.in_the_gate(lambda: c.loop.mark_run("failed")),
        Seen("failed", AS_IT_WAS, CANARY),
        "aborts (traffic is safe at once), then clears the run for the way back",
        abort_and_clear,
        TAKEN_BACK,
        stranded=True,
    ),
    Row(
        "run-deleted",
        "deletes the run",
        "in mid-canary (Airflow wants it marked first)",
        delete,
        Seen("deleted", AS_IT_WAS, CANARY),
        "triggers the DAG with the same run id: it is the same operation",
        trigger_same_again,
        PROMOTED,
        stranded=True,
    ),
    Row(
        "dag-paused",
        "pauses the DAG",
        "in mid-canary",
        pause_dag,
        Seen("running", AS_IT_WAS, CANARY),
        "unpauses the DAG",
        lambda c: c.loop.pause_dag(False),
        PROMOTED,
    ),
    Row(
        "trigger-twice",
        "triggers the DAG a second time",
        "in mid-canary: it queues, then is refused",
        trigger_twice,
        PROMOTED,
    ),
    Row("trigger-same-id", "triggers it with the same run id", "in mid-canary", trigger_same_id, PROMOTED),
    Row("retry", "lets Airflow retry a task", "a write of unknown outcome", retried_by_airflow, PROMOTED),
    Row(
        "control-pause",
        "pauses the operation (control, page, CLI)",
        "in mid-canary",
        held,
        Seen("running", "running, paused", CANARY),
        "resumes it",
        lift,
        PROMOTED,
    ),
    Row("control-abort", "aborts the operation (control, page, CLI)", "in mid-canary", aborted, TAKEN_BACK),
)


_WORDS = """\
The journal decides; a green or red mark in Airflow decides nothing. Every row is a test that does this to a real run by
Airflow's REST API (`tests/airflow/test_ui_actions.py`), and this page is printed from the same table. In no row does a
weight grow by a mark, and in none is a step done twice. *Stands still*: the weights stay, the guard watches on and may
stop the loss, and the operation's page says since when nobody carries it on and what to do.
"""


def page() -> str:
    """The table as a page of the reference."""
    return "\n".join(_page()) + "\n"


def _page() -> Iterator[str]:
    yield "# What people do in Airflow's UI, and what comes of it"
    yield ""
    yield from _WORDS.splitlines()
    yield ""
    yield "| a person | when | Airflow's run | the journal | candidate's traffic | the person does next | and then |"
    yield "|---|---|---|---|---|---|---|"
    for row in ROWS:
        then, end = row.then, row.end
        still = " (stands still)" if row.stranded and then.journal == AS_IT_WAS else ""
        after = f"{end.airflow}; {end.journal}; {end.traffic}" if end else ""
        cells = (row.did, row.when, then.airflow, then.journal + still, then.traffic, row.next or "nothing", after)
        yield "| " + " | ".join(cells) + " |"
