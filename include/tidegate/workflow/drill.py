"""``drill__<service>``: the nightly rehearsal. No operation and no lease of the service's own.

Whoever holds a drill is a process of its own, ``tidegate drill``, outside of Airflow, since one of the things that are
rehearsed is that Airflow is lost. The DAG begins it, and then shows what the journal has of it, part by part; its
waiting tasks are deferred, and outlive the scheduler that is killed meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, BaseOperator, CronTriggerTimetable, Param, TaskGroup, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from airflow.triggers.base import BaseTrigger, TriggerEvent

from tidegate.engine.drills import BEAT, Held, drills
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import Phase, Scenario
from tidegate.policy.drills import Drills
from tidegate.policy.load import Loaded
from tidegate.policy.places import home
from tidegate.redaction import cleansed
from tidegate.report.drills import trend_lines
from tidegate.workflow.identity import run_id
from tidegate.workflow.worlds import paper_world, paper_world_of

if TYPE_CHECKING:
    from airflow.sdk import Context

POLL = 1.0  # seconds
BEGINS_WITHIN = 120.0  # seconds until whoever holds the drill has written its first row
_DOC = """\
Rehearses {service} on **{environment}**, which is broken instead of it: {scenarios}. {service} itself is not touched.

For each scenario: what is in the way of it, the steady state under load, the fault, what answers it (the same DAGs and
plans as in production), the way back, the steady state again, and that nothing is left over. A part that is red says
what was wrong; the parts behind it are gone through all the same, so that the environment is brought home.

By hand: `tidegate drill {service}`; what was held: `tidegate drills {service}`.
"""


def drill_id(service: str) -> str:
    """``drill__shop``."""
    return f"drill__{service}"


def build_drill(loaded: Loaded) -> DAG:
    """A drill that was missed is not made up for."""
    policy, section = loaded.policy, loaded.policy.drills
    assert section is not None  # built only then
    words = {"environment": section.environment, "scenarios": ", ".join(section.scenarios)}
    dag = DAG(
        drill_id(policy.service),
        description=f"Rehearse {policy.service} on {section.environment}",
        schedule=_schedule(section),
        catchup=False,
        max_active_runs=1,
        is_paused_upon_creation=False,
        doc_md=_DOC.format(service=policy.service, **words),
        tags={"tidegate", policy.service, "drill"},
        params={"scenarios": _scenarios(tuple(section.scenarios))},
        default_args={"owner": policy.owners.failover, "retries": 0},
        render_template_as_native_obj=False,
    )
    with dag:
        last: BaseOperator = BeginDrill(loaded=loaded, task_id="begin")
        for scenario in section.scenarios:
            with TaskGroup(scenario.value):
                for phase in Phase:
                    task = DrillPart(
                        loaded=loaded,
                        scenario=scenario,
                        phase=phase,
                        task_id=phase.value.replace(" ", "_"),
                        trigger_rule=TriggerRule.ALL_DONE,
                    )
                    last >> task
                    last = task
        last >> DrillOutcome(loaded=loaded, task_id="outcome", trigger_rule=TriggerRule.ALL_DONE)
    return dag


def _schedule(section: Drills) -> CronTriggerTimetable | None:
    """By itself Airflow makes up for a run that was missed by less than a tenth of the interval: at three in the
    afternoon nobody wants the drill of the morning."""
    if section.schedule is None:
        return None
    return CronTriggerTimetable(section.schedule, timezone=section.timezone, run_immediately=timedelta(0))


def _scenarios(known: tuple[Scenario, ...]) -> Param:
    words = "Which to rehearse, in this order. Empty: all of them."
    items = {"type": "string", "enum": [scenario.value for scenario in known]}
    return Param(None, type=["null", "array"], items=items, title="Scenarios", description=words)


class _Drilling(BaseOperator):
    """What the tasks of a drill have in common."""

    template_fields = ()
    ui_color = "#efe6f7"

    def __init__(self, *, loaded: Loaded, **kwargs: Any) -> None:
        super().__init__(do_xcom_push=False, **kwargs)
        self.loaded = loaded

    @property
    def service(self) -> str:
        return self.loaded.policy.service

    def which(self, context: Context) -> str:
        """The drill that this run is: the same however often a task is cleared."""
        digest = hashlib.sha256(run_id(context).encode()).hexdigest()[:12]
        return f"{self.service}-drill-{digest}"


class BeginDrill(_Drilling):
    """Starts whoever holds the drill, once: a drill that is in the journal is not begun again."""

    def execute(self, context: Context) -> None:
        which = self.which(context)
        with cleansed():
            world = paper_world_of(self.loaded)
            world.journal.migrate()
            if _held(world, which) is not None:
                self.log.info("%s was begun already.", which)
                return
        by = getattr(context["dag_run"], "triggering_user_name", None) or "schedule"
        self._start(which, str(by), context["params"].get("scenarios") or [])

    def _start(self, which: str, by: str, scenarios: list[str]) -> None:
        """In a session of its own, so that it outlives this task, its worker and its scheduler."""
        folder = home() / "drills"
        folder.mkdir(parents=True, exist_ok=True)
        command = [str(Path(sys.executable).with_name("tidegate")), "drill", self.service, *scenarios]
        log = folder / f"{which}.log"
        with log.open("ab") as out:
            process = subprocess.Popen(  # noqa: S603 - ours; the names come from an enumeration
                [*command, "--id", which, "--by", by],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
                env=_own(os.environ),
            )
        (folder / f"{which}.pid").write_text(f"{process.pid}\n")
        self.log.info("%s is held by process %d; it writes to %s", which, process.pid, log)


def _own(environ: Mapping[str, str]) -> dict[str, str]:
    """What a command of Tidegate's needs, and nothing by which a task talks to Airflow's supervisor."""
    return {name: value for name, value in environ.items() if not name.startswith("_AIRFLOW_")}


class DrillPart(_Drilling):
    """Shows one part of one scenario: waits for its row, and is red where that says that something was wrong."""

    def __init__(self, *, scenario: Scenario, phase: Phase, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scenario, self.phase = scenario, phase

    def execute(self, context: Context) -> None:
        self._look(context, None)

    def _look(self, context: Context, event: dict[str, Any] | None = None) -> None:
        which = self.which(context)
        with cleansed():
            world = paper_world_of(self.loaded)
            row, over = part_of(world, which, self.scenario, self.phase)
        if row is not None:
            self._tell(row)
        elif over or (event or {}).get("over"):
            raise AirflowSkipException(f"{over or (event or {})['over']}: this part was not come to")
        else:
            trigger = DrillTrigger(self.service, which, self.scenario.value, self.phase.value)
            self.defer(trigger=trigger, method_name="_look")

    def _tell(self, row: Event) -> None:
        for said in row.body["wrong"]:
            self.log.error("%s", said)
        if row.body["wrong"]:
            raise AirflowFailException("; ".join(row.body["wrong"]))
        self.log.info("%s", row.body["why"])


class DrillOutcome(_Drilling):
    """Waits for the drill's end, tells it, and is red where it failed."""

    def execute(self, context: Context) -> None:
        self._look(context, None)

    def _look(self, context: Context, event: dict[str, Any] | None = None) -> None:
        which = self.which(context)
        with cleansed():
            held = _held(paper_world_of(self.loaded), which)
        if held is None or held.ended is None:
            if (event or {}).get("over"):
                raise AirflowFailException(f"{which}: {(event or {})['over']}; see {home() / 'drills' / which}.log")
            self.defer(trigger=DrillTrigger(self.service, which, "", ""), method_name="_look")
        for line in trend_lines(self.service, [held]):
            self.log.info("%s", line)
        if not held.ok:
            raise AirflowFailException(f"{which} failed; what was held: tidegate drills {self.service}")


class DrillTrigger(BaseTrigger):
    """Fires when the part is over, when the drill is, or when whoever holds it has died. ``phase`` empty: the end."""

    def __init__(self, service: str, which: str, scenario: str, phase: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow's
        self.service, self.which, self.scenario, self.phase = service, which, scenario, phase

    def serialize(self) -> tuple[str, dict[str, Any]]:
        path = f"{type(self).__module__}.{type(self).__qualname__}"
        told = {"service": self.service, "which": self.which, "scenario": self.scenario, "phase": self.phase}
        return path, told

    async def run(self) -> AsyncIterator[TriggerEvent]:
        waited = 0.0
        while True:
            over = await asyncio.to_thread(self.look, waited)
            if over is not None:
                yield TriggerEvent({"over": over})  # type: ignore[no-untyped-call]  # Airflow's
                return
            await asyncio.sleep(POLL)
            waited += POLL

    def look(self, waited: float) -> str | None:
        """Why waiting is over, "" for a part that is; None if it is not. A journal that is away is waited for."""
        try:
            world = paper_world(self.service)
            if self.phase:
                row, over = part_of(world, self.which, Scenario(self.scenario), Phase(self.phase))
                if row is not None:
                    return ""
            else:
                held = _held(world, self.which)
                over = "the drill is over" if held is not None and held.ended is not None else ""
            return over or self._dead(world, waited)
        except TidegateError as error:
            return None if error.retryable else str(error)

    def _dead(self, world: World, waited: float) -> str | None:
        beat = world.journal.beats(self.service).get(BEAT)
        if _held(world, self.which) is None:
            return "the drill has not begun" if waited > BEGINS_WITHIN else None
        if beat is None or beat.expires_at < world.clock.now():
            return "whoever held the drill has died; the next one takes its faults back"
        return None


def part_of(world: World, which: str, scenario: Scenario, phase: Phase) -> tuple[Event | None, str]:
    """The row of that part, and why there will be none if there will not."""
    rows = world.journal.events(world.service, kinds={EventKind.DRILL_PHASE})
    for row in rows:
        body = row.body
        if (body["drill"], body["scenario"], body["phase"]) == (which, scenario.value, phase.value):
            return row, ""
    held = _held(world, which)
    if held is None:
        return None, ""
    if any(result.scenario is scenario for result in held.results) or held.ended is not None:
        return None, "the scenario is over"
    return None, "" if scenario.value in held.scenarios else "this scenario was not asked for"


def _held(world: World, which: str) -> Held | None:
    return next((one for one in drills(world.journal, world.service) if one.id == which), None)
