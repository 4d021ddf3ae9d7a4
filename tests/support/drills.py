"""Drills on the memory estate: a service whose plans are rehearsed on the one that a rig holds."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import itertools
import json
import os
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.estate import FakeClock, Rig, build
from tests.support.losing import Eyed
from tests.support.moving import PLANNERS, both_sign, moving_policy
from tidegate.drill.cast import Cast
from tidegate.drill.hands import Begun
from tidegate.drivers.faults import memory as faults_memory
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.drivers.faults.memory import MemoryFaults
from tidegate.drivers.load.contract import Seen
from tidegate.drivers.load.memory import MemoryLoad
from tidegate.engine.close import close_operation
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.engine.open import Request, open_operation
from tidegate.engine.readiness_bundle import MANIFEST, bundle_file
from tidegate.engine.runner import Halt, drive
from tidegate.engine.signatures import keys_of
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.errors import EffectError, Unreachable
from tidegate.guard.vigil import Alarm
from tidegate.guard.watch import Watch
from tidegate.journal.model import EventKind
from tidegate.model.drill import Users
from tidegate.model.operation import OperationKind, OperationState
from tidegate.model.placement import Placement
from tidegate.model.verdict import Verdict
from tidegate.plan.begun import plans_of
from tidegate.plan.model import Node, Phase, Step
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.drills import Drills
from tidegate.policy.schema import Bake, Driver, Policy

SERVICE = "prod"  # whose plans are rehearsed; the rig's own service is its environment
KINDS = ("traffic", "compute", "metrics", "artifacts", "database", "flags")


@dataclass
class InProcess:
    """Asks by doing: the operation is at its end when it is asked for."""

    world: World
    away: bool = False
    asked: list[tuple[OperationKind, dict[str, Any]]] = field(default_factory=list)
    carried: str = ""

    def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
        self.asked.append((kind, dict(conf)))
        more = {OperationKind.PROMOTION: promotion_plan, OperationKind.ROLLBACK: rollback_plan}
        planner = {**PLANNERS, **more}[kind]
        target = conf.get("version") or conf.get("target")
        request = Request(kind, request_id, "cat", str(conf["reason"]), target, only=str(conf.get("only") or ""))
        plan = planner(self.world.policy, self.world.policy_digest)
        view = open_operation(self.world, request, plan, actor="test")
        return drive(self.world, view.id, actor="test", ask=both_sign(self.world)).id

    def begin(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> Begun:
        """Only begun: :meth:`carry` takes it as far as it comes, whenever somebody has a turn."""
        self.asked.append((kind, dict(conf)))
        plan = promotion_plan(self.world.policy, self.world.policy_digest)
        request = Request(kind, request_id, "cat", str(conf["reason"]), conf["version"])
        self.carried = open_operation(self.world, request, plan, actor="test").id
        return Begun(self.carried, lambda: "")

    def carry(self) -> None:
        """Up to the next gate that does not open; to its end once it turns back."""
        view = self._view()
        if view is None or view.state is OperationState.CLOSED:
            return
        if view.state is OperationState.STOPPING:
            with contextlib.suppress(Halt, EffectError):  # again at the next turn
                drive(self.world, view.id, actor="test")
            return
        for stage, node in view.plan.nodes():
            if stage.phase is not Phase.FORWARD:
                break
            if not view.verified(node.id) and not self._settled(view, node):
                return
        close_operation(self.world, view.id, actor="test")

    def _view(self) -> OperationView | None:
        return fold_operation(self.world.journal.events(self.world.service, operation=self.carried))

    def _settled(self, view: OperationView, node: Node) -> bool:
        if isinstance(node, Step):
            run_step(self.world, view.id, node.id, actor="test")
            return True
        report = look_at_gate(self.world, view.id, node.id, actor="test")
        if report.final and report.evidence.verdict is not Verdict.PASS:
            turn_back(self.world, view.id, why=f"{node.id}: {report.evidence.why}", actor="test")
        return report.evidence.verdict is Verdict.PASS

    def there(self) -> bool:
        return not self.away


@dataclass
class Beside:
    """The rig's clock; behind each wait of the drill's own, somebody else has his turn."""

    clock: FakeClock
    turn: Callable[[], None]

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.turn()


@dataclass
class Stage:
    """What a test holds in its hands. ``said``: the drill's progress."""

    rig: Rig
    eyed: Eyed
    cast: Cast
    hands: InProcess
    terminal: InProcess
    faults: MemoryFaults
    load: MemoryLoad
    said: list[str]

    def rows(self, *kinds: EventKind) -> list[dict[str, Any]]:
        """Bodies of the drill's rows."""
        return [dict(row.body) for row in self.rig.world.journal.events(SERVICE, kinds=set(kinds))]

    def acts(self) -> None:
        """What the guard wants begun is begun whenever the drill waits: by Airflow's asset event elsewhere."""
        alarms: list[Alarm] = []
        self.rig.watch = Watch(self.rig.world, alarms.append)

        def rolls_back() -> None:
            if alarms:
                alarm = alarms.pop()
                alarms.clear()
                self.hands.ask(OperationKind.ROLLBACK, {"reason": alarm.reason}, alarm.id)

        self.beside_the_drill(rolls_back)

    def beside_the_drill(self, turn: Callable[[], None]) -> None:
        """``turn``: somebody else's, whenever the drill waits."""
        clock = Beside(self.rig.clock, turn)
        self.cast = dataclasses.replace(self.cast, world=dataclasses.replace(self.cast.world, clock=clock))

    def again(self, which: str) -> Cast:
        """Another drill of the same service."""
        return dataclasses.replace(self.cast, id=which)


def environment() -> Policy:
    """In memory, with what breaks it."""
    policy = moving_policy()
    drivers = {**dict.fromkeys(KINDS, Driver(kind="memory")), "backups": None}
    broken = {"faults": Driver(kind="memory"), "load": Driver(kind="memory")}
    changed = policy.drivers.model_copy(update={**drivers, **broken})
    bake = Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "15m"})
    promotion = policy.promotion.model_copy(update={"bake": bake})
    return policy.model_copy(update={"drivers": changed, "backups": None, "promotion": promotion})


def stage(tmp_path: Path, scenarios: Mapping[str, Any], **section: Any) -> Stage:
    """The environment is well: placed, protected, watched from two points."""
    policy = environment()
    rig = build(tmp_path, policy)
    world = _with_faults(rig)
    with world.journal.locked(world.service) as txn:
        where = Placement("east", {"east": 5000, "west": 5000}, True, False, "op-1")
        txn.append(EventKind.PLACEMENT_RECORDED, where.to_json(), actor="test")
    bundle(rig)
    eyed = Eyed(rig)
    part = Drills.model_validate({"environment": world.service, "scenarios": scenarios, "steady": "2s", **section})
    drilled = policy.model_copy(update={"service": SERVICE, "drills": part, "drivers": moving_policy().drivers})
    hands, terminal, said = InProcess(world), InProcess(world), list[str]()
    cast = Cast("drill-1", drilled, world, hands, terminal, "ann", said.append)
    faults, load = world.estate.faults, world.estate.load
    assert isinstance(faults, MemoryFaults)
    assert isinstance(load, MemoryLoad)
    found = Stage(rig, eyed, cast, hands, terminal, faults, load, said)
    _break(found)
    rig.clock.sleep(3.0)  # the points have looked, the guard has counted
    return found


def bundle(rig: Rig, **other: str) -> None:
    """One of today's policy, as readiness looks at it. ``other``: the digest that its plan of a kind has instead."""
    file = bundle_file(rig.world.estate.site.root, rig.world.policy.service)
    file.parent.mkdir(parents=True, exist_ok=True)
    policy, digest = rig.world.policy, rig.world.policy_digest
    plans = {kind: plan.digest for kind, plan in plans_of(policy, digest).items()} | other
    told = {"plans": plans, "policy_digest": digest, "people": dict(keys_of(policy)), "head": {"seq": 0}}
    text = json.dumps(told).encode()
    with tarfile.open(file, "w:gz") as archive:
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    os.utime(file, (rig.clock.now(), rig.clock.now()))


def _with_faults(rig: Rig) -> World:
    """The rig's world, with faults and load in its estate; the guard's is the same one."""
    faults, load = MemoryFaults(faults_memory.Settings()), MemoryLoad()
    faults.now = load.now = rig.clock.now
    numbers = itertools.count(1)
    load.saw = lambda since, until: Seen(Users(1000 + next(numbers), 0, 0, 0))
    estate = dataclasses.replace(rig.world.estate, faults=faults, load=load)
    rig.world = dataclasses.replace(rig.world, estate=estate)
    return rig.world


def _break(stage: Stage) -> None:
    """Faults are what the memory estate has of them."""
    rig, eyed = stage.rig, stage.eyed
    ways: dict[FaultKind, tuple[Callable[[Fault], Any], Callable[[Fault], Any]]] = {
        FaultKind.REGION_DEAD: (lambda f: eyed.lose(f.region), lambda f: eyed.found(f.region)),
        FaultKind.DATABASE_DEAD: (lambda f: rig.database.kill(f.region), lambda f: rig.database.comes_back(f.region)),
        FaultKind.ERRORS: (
            lambda f: rig.users.error_rate.update({f.version: {"checkout": f.degree}}),
            lambda f: rig.users.error_rate.pop(f.version),
        ),
        FaultKind.METRICS_BLIND: (
            lambda f: setattr(rig.metrics.faults, "unreachable", Unreachable("the access log cannot be read")),
            lambda f: setattr(rig.metrics.faults, "unreachable", None),
        ),
        FaultKind.AIRFLOW_DEAD: (
            lambda f: setattr(stage.hands, "away", True),
            lambda f: setattr(stage.hands, "away", False),
        ),
    }
    nothing = (lambda f: None, lambda f: None)
    stage.faults.on_inject = lambda fault: ways.get(fault.kind, nothing)[0](fault)
    stage.faults.on_lift = lambda fault: ways.get(fault.kind, nothing)[1](fault)
