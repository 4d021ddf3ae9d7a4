"""The standing guard of one service: follow the log, judge, and stop the loss before anybody else is awake.

It knows no Airflow. One guard per service is meant, two do no harm: whatever it does is idempotent, and only the first
declaration of a stop-loss counts.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.engine import guarding, watchkeeping
from tidegate.engine.execute import run_step
from tidegate.engine.guilty import go_on_without
from tidegate.engine.objectives import note_rto
from tidegate.engine.telling import looked
from tidegate.engine.turn import declare_stop_loss
from tidegate.engine.view import STOP_LOSS_NODE, OperationView
from tidegate.engine.world import World
from tidegate.errors import LeaseLost, TidegateError
from tidegate.guard.aftermath import AftermathRecorder
from tidegate.guard.burn_watch import BurnWatch
from tidegate.guard.class_watch import ClassWatch
from tidegate.guard.demand import HEALTH_WINDOW, Demand
from tidegate.guard.hearing import Hearing
from tidegate.guard.history import Recorder
from tidegate.guard.ledger import Ledger
from tidegate.guard.region_watch import RegionWatch
from tidegate.guard.vigil import Ask, StandingWatch
from tidegate.judge.blame import failing_of_canary
from tidegate.model.observation import Batch
from tidegate.model.operation import OperationKind, OperationState
from tidegate.model.verdict import Verdict

log = logging.getLogger(__name__)

INTERVAL = 0.2  # seconds between two looks: 5 Hz
ACTOR = "guard"
RENEW_EVERY = 5.0  # seconds
LOOK_AGAIN = 2.0  # seconds after which a return step that somebody began, but did not finish, is begun again


@dataclass(frozen=True)
class Glance:
    """One look. ``blind``: why nothing could be seen, empty if something could."""

    operation: str | None
    verdict: Verdict | None
    stopped: bool
    blind: str


class Watch:
    """``step`` looks once; ``run`` looks until told to stop, and survives whatever a look raises. ``ask``: starts a
    rollback of a release that fails after its promotion; None where nobody can. ``regions``: rules on what becomes of
    them; None where the service cannot move."""

    def __init__(self, world: World, ask: Ask | None = None, regions: RegionWatch | None = None) -> None:
        self._world = world
        self._regions = regions or RegionWatch(world, None)
        self._standing = StandingWatch(world, ask)
        self._demand = Demand(world.policy.shares)
        self._classes = ClassWatch(world)
        self._burns = BurnWatch(world)
        self._ledger: Ledger | None = None
        self._cursor: str | None = None
        self._hearing: Hearing | None = None
        self._recorder: Recorder | None = None
        self._aftermath: AftermathRecorder | None = None
        self._view: OperationView | None = None
        self._head_seq = -1
        self._renewed_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Until ``stop`` is set. Errors are logged once per kind of message, and the next look is made all the same."""
        said = ""
        while not stop.is_set():
            try:
                glance = self.step()
                said = _say(glance.blind, said)
            except TidegateError as error:
                said = _say(str(error), said)
            stop.wait(INTERVAL)

    def step(self) -> Glance:
        """Read the log, judge, beat; act if the verdict is fail."""
        view = self._current()
        self._regions.look(view, self._head_seq)
        batch, blind = self._read()
        if self._recorder is not None and batch is not None:
            self._recorder.note(batch.observations, self._world.clock.now())
        if self._aftermath is not None and view is not None and batch is not None:
            self._aftermath.note(view, batch.observations, self._world.clock.now())
        verdict, stopped = None, False
        if view is not None and batch is not None and view.kind is OperationKind.PROMOTION:
            verdict, stopped = self._judge(view, batch)
        if view is not None:
            stopped = self._keep_safe(view) or stopped
        self._beat(blind)
        looked(self._world.service, str(verdict) if verdict else "none", bool(blind))
        if batch is not None:  # last: the open operation's seconds come first
            self._count(batch)
            self._standing.look(batch, busy=view is not None, seq=self._head_seq)
            self._classes.note(batch.observations)
            self._classes.look(view)
            self._burns.note(batch.observations)
            self._burns.look(view, self._head_seq)
        return Glance(view.id if view else None, verdict, stopped, blind)

    def _count(self, batch: Batch) -> None:
        if self._ledger is None:
            self._ledger = Ledger(self._world)
        self._ledger.note(batch.observations, self._world.clock.now())

    def _current(self) -> OperationView | None:
        """The open operation; read anew only if the chain has moved."""
        head = self._world.journal.head(self._world.service)
        if head.seq != self._head_seq:
            self._view = watchkeeping.open_operation_of(self._world)
            self._head_seq = head.seq
            self._take_up(self._view)
        return self._view

    def _take_up(self, view: OperationView | None) -> None:
        """Adopt the operation that the journal shows open, whoever began it."""
        if self._recorder is not None and (view is None or view.id != self._recorder.operation):
            self._recorder.save()
            self._recorder = None
        if self._recorder is None and view is not None:
            self._recorder = Recorder(self._world, view)
        if view is None or self._aftermath is None or view.id != self._aftermath.operation:
            self._aftermath = AftermathRecorder(self._world, view) if view is not None else None
        if view is None or view.kind is not OperationKind.PROMOTION:
            self._hearing = None
        elif self._hearing is None or self._hearing.operation != view.id:
            self._hearing = Hearing(self._world, view)
            self._cursor = self._hearing.cursor or self._cursor
            log.info("guard of %s watches %s", self._world.service, view.id)

    def _read(self) -> tuple[Batch | None, str]:
        if self._cursor is None:
            self._cursor = self._standing.cursor
        try:
            batch = self._world.estate.metrics.follow(self._cursor)
        except TidegateError as error:
            return None, f"the metrics cannot be read: {error}"
        self._cursor = batch.cursor
        self._demand.add(batch.observations)
        return batch, ""

    def _judge(self, view: OperationView, batch: Batch) -> tuple[Verdict | None, bool]:
        assert self._hearing is not None
        now = self._world.clock.now()
        self._hearing.hear(batch, view)
        document = self._hearing.document(now)
        verdict = Verdict(document["verdict"])
        if verdict is Verdict.FAIL and view.state is OperationState.RUNNING:
            self._stop_loss(view, document)
            return verdict, True
        if self._judge_flags(view, now):
            return Verdict.FAIL, True
        for asked in document["asks"]:
            if watchkeeping.hold_and_ask(self._world, view, why=str(asked["why"]), actor=ACTOR):
                log.error("guard of %s holds %s and asks: %s", self._world.service, view.id, asked["why"])
        self._world.journal.put_evidence(self._world.service, view.id, guarding.EVIDENCE, document)
        self._hearing.save(batch.cursor, now)
        return verdict, False

    def _judge_flags(self, view: OperationView, now: float) -> bool:
        """True if those who see what is behind a flag fare worse, and it was taken back."""
        assert self._hearing is not None
        documents = self._hearing.exposures(now)
        if not documents:
            return False
        guilty = sorted(key for key, one in documents.items() if one["verdict"] == Verdict.FAIL)
        if guilty and view.state is OperationState.RUNNING:
            first = documents[guilty[0]]
            self._stop_loss(view, {**first, "why": f"flag {', '.join(guilty)}: {first['why']}"}, guilty)
        shown = {"version": 1, "flags": documents}
        self._world.journal.put_evidence(self._world.service, view.id, guarding.EXPOSURE, shown)
        return bool(guilty) and view.state is OperationState.RUNNING

    def _stop_loss(self, view: OperationView, document: Mapping[str, Any], guilty: Sequence[str] = ()) -> None:
        """Declared and done before the evidence row is written: the user's seconds come first."""
        evidence = {
            "verdict": document["verdict"],
            "crossed": document["crossed"],
            "signals": document["signals"],
            "burn": candidate_burn(document),
            "observed_at": document["observed_at"],
            "flags": list(guilty),
        }
        why = str(document["why"])
        if not guilty and (rest := go_on_without(view, failing_of_canary(document, _budget(view)))):
            why = f"{why}; {rest}"
        if declare_stop_loss(self._world, view.id, why=why, evidence=evidence, actor=ACTOR):
            log.warning("guard of %s stops the loss of %s: %s", self._world.service, view.id, why)
            run_step(self._world, view.id, STOP_LOSS_NODE, actor=ACTOR)
        if not guilty:
            self._world.journal.put_evidence(self._world.service, view.id, guarding.EVIDENCE, document)

    def _keep_safe(self, view: OperationView) -> bool:
        """Level-triggered: while an operation stops, unfinished stop-loss is finished and safe weights are kept."""
        now = self._world.clock.now()
        if now - self._renewed_at >= RENEW_EVERY:
            watchkeeping.renew_lease(self._world)
            if late := watchkeeping.note_deadline(self._world, view):
                log.error("guard of %s: %s", self._world.service, late)
            if late := note_rto(self._world, view, ACTOR):
                log.critical("guard of %s: %s", self._world.service, late)
            self._renewed_at = now
        if view.state is not OperationState.STOPPING or view.kind is not OperationKind.PROMOTION:
            return False
        node = view.node(STOP_LOSS_NODE)
        try:
            if node.status == "verified":
                return watchkeeping.reassert(self._world, view.id, actor=ACTOR)
            if node.at is None or now - node.at > LOOK_AGAIN:
                run_step(self._world, view.id, STOP_LOSS_NODE, actor=ACTOR)
                return True
        except LeaseLost:
            log.info("guard of %s: another actor is at it", self._world.service)
        return False

    def _beat(self, blind: str) -> None:
        now = self._world.clock.now()
        body = {
            "demand": self._demand.rates(now),
            "health": self._demand.health(now),
            "health_window": HEALTH_WINDOW,
            "blind": blind,
            "pid": os.getpid(),
            "budget": self._ledger.told if self._ledger else None,
        }
        self._world.journal.beat(self._world.service, guarding.BEAT, ttl=guarding.BEAT_TTL, body=body)


def candidate_burn(document: Mapping[str, Any]) -> float | None:
    """The error budget's burn on the candidate's worst region, as a lower bound: 1.0 is as fast as promised."""
    rates = [region["candidate"]["burn"]["at_least"] for region in document["regions"].values()]
    return max((rate for rate in rates if rate is not None), default=None)


def _budget(view: OperationView) -> float:
    return 1 - float(view.plan.settings["objectives"]["availability"])


def _say(text: str, said: str) -> str:
    if text and text != said:
        log.error("guard: %s", text)
    return text
