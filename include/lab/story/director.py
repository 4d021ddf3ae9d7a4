"""Runs one scenario on the stage: trigger, watch, answer, disturb, wait for the end, measure."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from subprocess import Popen
from typing import Any

from lab.airflow_api import FINISHED, AirflowApi
from lab.progress import Progress
from lab.story import hangs, measure, messages, one_class, partition, reads_only, region_killed, schema, turned_away
from lab.story.afterwards import await_rollback, times
from lab.story.desk import Desk
from lab.story.disturb import before, calm, disturbance, hold_leak
from lab.story.drawing import timeline
from lab.story.measure import Ran
from lab.story.mending import Mender
from lab.story.scenario import Disturbance, Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.verdict import candidate_share, complaints
from lab.story.writer_probe import WriterProbe
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.view import OperationView
from tidegate.errors import NotSettled, Refused, TidegateError
from tidegate.model.operation import MOVING, Outcome

LOOK_EVERY = 0.5  # seconds
REQUESTER = "cat"
SETTLE = 2.0  # seconds until the users' record of a window is whole
UNASKED: Mapping[Disturbance | None, Callable[[Stage, Scenario, Progress], dict[str, Any]]] = {
    Disturbance.REGIONS_CUT: partition.play,
    Disturbance.FIRST_REGION_KILLED: region_killed.play,
    Disturbance.PAYMENTS_HANG: hangs.play,
    Disturbance.WRITES_IMPOSSIBLE: reads_only.play,
    Disturbance.ONE_CLASS_FAILS: one_class.play,
}
"""What happens while nobody asks for anything, and who plays it."""


@dataclass
class Director:
    """``say``: one line of progress."""

    stage: Stage
    progress: Progress

    @property
    def desk(self) -> Desk:
        """Where everything is asked for: by the command line, as from CI."""
        return Desk(self.stage.lab, self.stage.load_dir.parent / "desk", self.progress, REQUESTER)

    def play(self, scenario: Scenario) -> dict[str, Any]:
        """The scenario's row in the report. What goes wrong on the way is in the row, not raised."""
        self.progress.say(f"— {scenario.title}")
        try:
            if play := UNASKED.get(scenario.disturbance):
                self.stage.found.clear()
                return play(self.stage, scenario, self.progress)
            with self.stage.lab.airflow(REQUESTER) as cat, ExitStack() as stack:
                approvers = [stack.enter_context(self.stage.lab.airflow(name)) for name in scenario.approvers]
                request_id = f"story-{scenario.name}-{uuid.uuid4().hex[:8]}"
                if scenario.publishes:
                    self.desk.publish(scenario.release or "")
                if scenario.afterwards:
                    hold_leak(self.stage, scenario.release or "")
                ran, code = self._follow(scenario, request_id, cat, approvers)
                calm(self.stage)
                after = scenario.afterwards if ran.state == "success" else None
                back = await_rollback(self.stage, cat, ran, after) if after else None
            if back is not None:
                self._let_records_settle(back.until)
                return self._row_of_both(scenario, ran, back, code, request_id)
            self._let_records_settle(ran.until)
            return self._row(scenario, ran, {"first": code, "again": self.desk.told(scenario, request_id)})
        except TidegateError as error:
            return _failed_row(scenario, str(error))
        finally:
            calm(self.stage)

    def _row_of_both(self, scenario: Scenario, ran: Ran, back: Ran, code: int, request_id: str) -> dict[str, Any]:
        """A promotion and the rollback that followed by itself: the users of both, the times of the second."""
        forward = self.stage.operation(ran.run_id)
        codes = {"first": code, "again": self.desk.told(scenario, request_id)}
        runs = [{"dag_id": r.dag_id, "run_id": r.run_id, "state": r.state} for r in (ran, back)]
        told = {"operation": forward.id if forward else None, "dag_runs": runs}
        return self._row(scenario, back, codes, told)

    def _follow(
        self, scenario: Scenario, request_id: str, cat: AirflowApi, approvers: Sequence[AirflowApi]
    ) -> tuple[Ran, int]:
        """The run as it happened, and what the command that asked for it exited with."""
        since, seen = time.time(), schema.look(self.stage)
        self.stage.found.clear()
        before(self.stage, scenario.disturbance, self.desk)
        process = self.desk.ask(scenario, request_id)
        try:
            with WriterProbe(self.stage) as probe:
                ran = self._run(scenario, process, request_id, cat, approvers)
            self.stage.found["writer_probe"] = probe.told()
            ran = replace(ran, since=since, schema=(seen, schema.look(self.stage)))
            return ran, self.desk.ended(process, request_id)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()

    def _run(
        self,
        scenario: Scenario,
        process: Popen[bytes],
        request_id: str,
        cat: AirflowApi,
        approvers: Sequence[AirflowApi],
    ) -> Ran:
        dag_id, run_id = f"{scenario.dag}__{SERVICE}", f"request__{request_id}"
        since = time.time()
        disturb = disturbance(self.stage, scenario.disturbance, scenario.release)
        deadline, said, mend = time.monotonic() + scenario.within, "", Mender(self.stage, scenario)
        while time.monotonic() < deadline:
            self.stage.load_goes_on()
            view = self.stage.operation(run_id)
            if view is not None:
                said = self._tell(view, said)
                disturb(view)
                if view.requested and len(view.approvals) < len(approvers):
                    self._approve(approvers[len(view.approvals)], dag_id, run_id)
            state = _quietly(lambda: str(cat.run(dag_id, run_id)["state"]))
            if state in FINISHED and mend.act(cat, dag_id, run_id, self.desk, (process, request_id)):
                self.progress.say(
                    f"  {cat.user} does as the journal says, and clears what failed: {scenario.mended_by}"
                )
            elif state in FINISHED:
                until, tasks = time.time(), cat.tasks(dag_id, run_id)
                return Ran(dag_id, run_id, str(state), since, until, tasks)
            if state is None and process.poll() is not None:
                raise Refused(f"the command ended before the run: {self.desk.said(request_id)}")
            time.sleep(LOOK_EVERY)
        raise NotSettled(f"{dag_id} {run_id} has not ended within {scenario.within:g} s")

    def _approve(self, approver: AirflowApi, dag_id: str, run_id: str) -> None:
        for task in approver.pending_approvals(dag_id, run_id):
            approver.answer(dag_id, run_id, task)
            self.progress.say(f"  {approver.user} approves {task}")

    def _tell(self, view: OperationView, said: str) -> str:
        """Say what is new: weights, and the turn."""
        what, split = view.binding.candidate_version, view.left_split
        if view.kind in MOVING:
            what = view.binding.target or view.binding.source
            share = split.region_share(what) / 100 if split else 0
        else:
            share = candidate_share(view, split) / 100 if split else 0
        now = f"  {view.state}: {what} takes {share:g}% of all traffic"
        if view.why_back:
            now += f" · {view.why_back[:110]}"
        if now != said:
            self.progress.say(now)
        return now

    def _let_records_settle(self, until: float) -> None:
        """Requests in flight at the end of a window are written a moment later."""
        while time.time() < until + SETTLE:
            time.sleep(0.1)

    def _row(
        self, scenario: Scenario, ran: Ran, codes: dict[str, Any], both: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        view = self.stage.operation(ran.run_id)
        events = self.stage.events(view.id) if view else []
        routes = self.stage.routes_written(view.id) if view else []
        row: dict[str, Any] = {
            "name": scenario.name,
            "title": scenario.title,
            "expected": scenario.expected,
            "outcome": _outcome(view, codes),
            "rung": view.stopped_at.value if view and view.stopped_at else None,
            "operation": view.id if view else None,
            "reason": view.why_back if view else None,
            **measure.users(self.stage, ran),
            "writers": self.stage.writers(),
            **({"messages": messages.of_run(self.stage, ran)} if view and view.kind in MOVING else {}),
            "checks": {**measure.checks(events), "gate_seconds": measure.data_gate_seconds(ran)},
            "seconds": measure.seconds(self.stage, ran, view, events),
            "effects": measure.effects(self.stage, view),
            "schema": schema.told(ran.schema),
            **({"after_stop": measure.after_stop(self.stage, ran, view, events)} if view and view.guilty else {}),
            "peak_per_target": measure.peak_per_target(self.stage, ran),
            "limit_per_target": view.plan.settings["capacity"]["per_instance"] if view else None,
            "dag_runs": [{"dag_id": ran.dag_id, "run_id": ran.run_id, "state": ran.state}],
            "exit_codes": codes,
            "timeline": timeline(view, events, ran.since),
            **(self._turned_away(ran, view) if scenario.disturbance is Disturbance.SECOND_REGION_SMALL else {}),
            **measure.found(self.stage),
            **(both or {}),
        }
        if both is not None:
            row["seconds"] |= times(self.stage, scenario.release or "", ran, view)
        wrong = complaints(scenario, row, view, routes)
        return {**row, "ok": not wrong, "why": "; ".join(wrong) or "as expected"}

    def _turned_away(self, ran: Ran, view: OperationView | None) -> dict[str, Any]:
        operation = view.id if view else ""
        return {"turned_away": turned_away.told(self.stage.lab.places, self.stage.load_dir, operation, ran.until)}


def _outcome(view: OperationView | None, codes: Mapping[str, Any]) -> str | None:
    """As the journal has it; what was refused before there was an operation is told by the command alone."""
    if view is None:
        return Outcome.REFUSED.value if codes["first"] == ExitCode.REFUSED else None
    return view.outcome.value if view.outcome else None


def _quietly(look: Callable[[], str]) -> str | None:
    """Airflow may be busy or on its way back up: that is not the end of the scenario."""
    try:
        return look()
    except TidegateError:
        return None


def _failed_row(scenario: Scenario, why: str) -> dict[str, Any]:
    """A scenario that could not be carried through: nothing was measured."""
    none = ("requests", "failed_requests", "bad_responses", "sessions_broken", "orders_acknowledged", "orders_lost")
    seconds = ("first_bad_to_verdict", "verdict_to_safe", "total", "in_airflow", "in_effects")
    return {
        "name": scenario.name,
        "title": scenario.title,
        "expected": scenario.expected,
        "outcome": None,
        "rung": None,
        "ok": False,
        "why": why,
        **dict.fromkeys(none),
        "checks": {**measure.checks(()), "gate_seconds": None},
        "seconds": dict.fromkeys(seconds),
        "schema": schema.told(None),
        "dag_runs": [],
        "exit_codes": None,
        "timeline": [],
    }
