"""The guard and its regions: leave what it sees, rule on what all points see, and do what the policy says then.

It looks between operations and during those that a failover outranks; while one moves the service, a dark region is
what was meant. The failover itself runs beside the guard's loop, which goes on looking.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tidegate.engine import region_loss
from tidegate.engine.objectives import note_green
from tidegate.engine.region_loss import ACT, ANSWER_WITHIN, PAGE, Episode
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import TidegateError
from tidegate.guard.probing import GUARD_POINT, Eyes, StandingEyes, looks_of, publish, sights
from tidegate.judge.regions import Loss, rule_on, well_seen
from tidegate.model.operation import MOVING, OperationKind
from tidegate.model.placement import Placement
from tidegate.plan.moving import can_move
from tidegate.plan.names import PROMOTE_NODE

log = logging.getLogger(__name__)

ACTOR = "guard"
WELL_FOR = 5.0  # seconds without a loss after which an episode is over
TRIES = 3
PAUSE = 1.0  # seconds between two tries

Spawn = Callable[[Callable[[], None]], None]


def beside(work: Callable[[], None]) -> None:
    """In a thread of its own."""
    threading.Thread(target=work, name="failover", daemon=True).start()


def standing_eyes(world: World, stop: threading.Event) -> Eyes | None:
    """For a guard that runs until ``stop``; None where the service cannot move."""
    if not can_move(world.policy):
        return None
    return StandingEyes(looks_of(world.estate), region_loss.rule_of(world.policy).every, stop, world.clock.now)


class RegionWatch:
    """One per guard. ``eyes``: None where there is nothing to be decided. ``spawn``: runs the guard's own failover."""

    def __init__(self, world: World, eyes: Eyes | None, spawn: Spawn = beside) -> None:
        self._world, self._eyes, self._spawn = world, eyes, spawn
        self._rule = region_loss.rule_of(world.policy) if eyes is not None else None
        self._looked_at, self._seq, self._well_since = 0.0, -1, 0.0
        self._primary = ""
        self._placement: Placement | None = None
        self._episode: Episode | None = None
        self._begun = ""  # id of the loss that this guard has acted on
        self._told_green = ""  # id of the failover of which it was said
        self._words, self._said = "", ""

    def look(self, view: OperationView | None, seq: int) -> None:
        """Once per look of the guard; does something each ``decide.every``. ``seq``: of the journal's head. Whatever
        goes wrong is said, and stops nothing else."""
        now = self._world.clock.now()
        if self._eyes is None or self._rule is None or now - self._looked_at < self._rule.every - 1e-6:
            return
        self._looked_at = now
        try:
            self._look(self._eyes, view, seq, now)
        except TidegateError as error:
            self._say(str(error))

    def _look(self, eyes: Eyes, view: OperationView | None, seq: int, now: float) -> None:
        assert self._rule is not None
        world = self._world
        publish(world.journal, world.service, eyes.sight(GUARD_POINT), self._rule.stale_after, self._words)
        if view is not None and view.kind in MOVING:
            self._words, self._seq = f"{view.id} moves the service: nothing is ruled meanwhile", -1
            self._green(view, now)
            return
        if seq != self._seq:
            (self._primary, self._placement), self._seq = region_loss.where(world), seq
            self._episode = region_loss.episode(world.journal, world.service)
        ruling = rule_on(self._rule, self._primary, sights(world.journal, world.service), now)
        self._words = ruling.why
        if ruling.loss is None and len(ruling.points) >= self._rule.points:
            self._well(now)
        if ruling.loss is None:
            return
        if region_loss.worth_saying(ruling.loss, self._placement):
            self._lost(ruling.loss, now)

    def _green(self, view: OperationView, now: float) -> None:
        """What rang for the old primary has an answer: enough points see the new one take writes."""
        assert self._rule is not None
        if view.kind is not OperationKind.FAILOVER or self._told_green == view.id or not view.verified(PROMOTE_NODE):
            return
        points = well_seen(self._rule, view.binding.target, sights(self._world.journal, self._world.service), now)
        if len(points) >= self._rule.points:
            note_green(self._world, view, points, ACTOR)
            self._told_green = view.id

    def _well(self, now: float) -> None:
        """An episode is over once nothing has been lost for a while."""
        told, self._well_since = self._episode, self._well_since or now
        if told is not None and not told.answered and now - self._well_since >= WELL_FOR:
            region_loss.over(self._world, told, ACTOR)
            log.warning("guard of %s: %s is well again", self._world.service, told.region)

    def _lost(self, loss: Loss, now: float) -> None:
        self._well_since = 0.0
        known = self._episode
        if known is None or not known.covers(loss):
            known = self._episode = region_loss.declare(self._world, loss, ACTOR)
            if known is None:
                return
            log.error("guard of %s: %s; then: %s %s", self._world.service, loss.why, known.then, known.because)
        if known.then == ACT and self._begun != known.id:
            self._begun = known.id
            self._spawn(lambda: self._act(known))
        late = not known.answered and now - known.at > ANSWER_WITHIN
        wanted = not known.paged and (known.then == PAGE or late)
        if wanted and (words := region_loss.page(self._world, known, ACTOR)):
            log.critical("guard of %s: %s", self._world.service, words)

    def _act(self, told: Episode) -> None:
        """The critical section, tried again where that may help. What is left is for the DAG, or a person."""
        for attempt in range(1, TRIES + 1):
            try:
                view = region_loss.carry_out(self._world, told, ACTOR)
                log.warning("guard of %s: the critical section of %s is over", self._world.service, view.id)
                return
            except TidegateError as error:
                log.error("guard of %s: try %d of the failover: %s", self._world.service, attempt, error)
                if not getattr(error, "retryable", False):
                    return
            except Exception:  # a thread that dies without a word is worse
                log.exception("guard of %s: the failover broke", self._world.service)
            self._world.clock.sleep(PAUSE)

    def _say(self, text: str) -> None:
        if text != self._said:
            log.error("guard of %s: the regions cannot be watched: %s", self._world.service, text)
        self._said = text
