"""What the guard does between operations: watch the release that was certified last, ask for a rollback if it fails.

It acts through nobody but ``ask``: a rollback is an operation of its own, with its own admission and its own way back.
Without somebody to ask, or when no operation is opened in time, it pages: a loud line, a row in the journal, and from
that the page and ``tidegate status``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.engine import after_promotion, guilty
from tidegate.engine.after_promotion import ANSWER_WITHIN, Finding, Watched
from tidegate.engine.world import World
from tidegate.errors import TidegateError, Unreachable
from tidegate.guard.hearing import judge_settings
from tidegate.guard.remembrance import Remembrance
from tidegate.judge.vigil import Vigil
from tidegate.model.observation import Batch

log = logging.getLogger(__name__)

ACTOR = "guard"
EVIDENCE, CHECKPOINT = "vigil", "vigil-checkpoint"  # keys among the evidence rows of the promotion
SAVE_EVERY = 1.0  # seconds
LOOK_EVERY = 5.0  # seconds between two looks whether a region that was away is back
RETURNING = 60.0  # seconds after a region was last seen away in which nothing is held against a release: its control
# answers again before its instances do


@dataclass(frozen=True)
class Alarm:
    """A rollback that the guard asks for. ``id``: the same from every guard. ``fast_lane``: the budget burns so fast
    that the policy sends all traffic back at once. ``target``: the mix to go back to where one component alone is
    guilty; empty: the baseline before."""

    service: str
    reason: str
    observed_at: float
    id: str
    fast_lane: bool = False
    target: str = ""


Ask = Callable[[Alarm], None]


class StandingWatch:
    """One per guard. ``ask``: starts a rollback; None where nobody can (no Airflow)."""

    def __init__(self, world: World, ask: Ask | None) -> None:
        self._world, self._ask = world, ask
        self._past = Remembrance(world)
        self._seq, self._moved = -1, True  # the chain's head when it was last looked at; whether it is still to be read
        self._watched: Watched | None = None
        self._found: Finding | None = None
        self._vigil: Vigil | None = None
        self._asked = ""  # id of the alarm that this guard has asked for
        self._saved_at = 0.0
        self._said = ""
        self._not_before = self._looked_at = 0.0

    def look(self, batch: Batch, *, busy: bool, seq: int) -> None:
        """Once per look. ``busy``: an operation is open and has the say. ``seq``: of the journal's head."""
        now = self._world.clock.now()
        if seq != self._seq:
            self._seq, self._moved = seq, True
            self._past.settle()
        self._past.note(batch.observations, now)
        if busy:
            return
        if self._moved:
            self._read_journal()
        watched = self._watched
        if watched is None:
            return
        if self._found is None and watched.at(now):
            self._judge(watched, batch, now)
        elif self._found is not None and not self._found.answered:
            self._press(watched, self._found, now)

    def _read_journal(self) -> None:
        self._moved = False
        before = self._watched
        self._watched = after_promotion.watched_release(self._world.journal, self._world.service)
        self._found = after_promotion.finding(self._world.journal, self._watched) if self._watched else None
        if self._watched is None or before is None or before.seq != self._watched.seq:
            self._vigil = None

    def _judge(self, watched: Watched, batch: Batch, now: float) -> None:
        if self._vigil is None:
            self._vigil = self._begin(watched)
        if now < self._not_before and now - self._looked_at >= LOOK_EVERY and (away := self._away(now)):
            self._begin_anew(watched, away, now)
        self._vigil.observe_all(batch)
        crossed = self._vigil.crossed
        if crossed is None:
            self._save(watched, batch.cursor, now)
            return
        if away := self._away(now):
            self._begin_anew(watched, away, now)
            return
        target, blame = guilty.back_to(self._world, watched, self._vigil.failing)
        why = f"{watched.release.version} fails after its promotion, at full traffic: {crossed.why}"
        why += f"; {blame}" if blame else ""
        if after_promotion.declare_failed(
            self._world, watched, why=why, observed_at=crossed.at or now, actor=ACTOR, target=target
        ):
            log.error("guard of %s: %s", self._world.service, why)
        self._put(watched, EVIDENCE, self._vigil.document(now))
        self._read_journal()
        if self._found is not None:
            self._press(watched, self._found, now)

    def _away(self, now: float) -> list[str]:
        """Asked only once a signal has crossed, and until they are back."""
        self._looked_at = now
        return regions_away(self._world)

    def _begin_anew(self, watched: Watched, away: list[str], now: float) -> None:
        """Users of a region that is not there fail under any release: what was seen so far says nothing about this one,
        and to take it back would help nobody."""
        words = f"nothing is held against {watched.release.version} while {' and '.join(away)} does not answer"
        if words != self._said:
            log.error("guard of %s: %s; the watch over it begins anew", self._world.service, words)
        self._said = words
        self._not_before = now + RETURNING
        self._vigil = self._fresh(watched, self._not_before)

    def _fresh(self, watched: Watched, since: float) -> Vigil:
        settings = judge_settings(watched.view, self._world.estate.metrics.unit)
        return Vigil(settings, self._past.before, since + settings.warm_up)

    def _begin(self, watched: Watched) -> Vigil:
        """From the checkpoint of a guard before this one, if there is one that can be read."""
        saved = self._world.journal.evidence(self._world.service, watched.view.id, CHECKPOINT)
        fresh = self._fresh(watched, watched.since)
        log.info("guard of %s watches %s until %.0f", self._world.service, watched.release.version, watched.until)
        if saved is None:
            return fresh
        try:
            return Vigil.load(saved["vigil"])
        except ValueError as error:
            log.warning("the watch over %s begins anew, its checkpoint cannot be read: %s", watched.view.id, error)
            return fresh

    def _press(self, watched: Watched, found: Finding, now: float) -> None:
        """Ask once per guard; a second guard's event is void once an operation has been opened. Then page; at once
        where nobody can be asked, or where it takes a person."""
        if self._ask is not None and not found.because and self._asked != watched.id:
            self._asked = watched.id
            limit = float(watched.view.plan.settings["rollback"]["fast_lane"])
            fast = self._vigil is not None and self._vigil.burn() >= limit
            self._ask(Alarm(self._world.service, found.why, found.observed_at, watched.id, fast, found.target))
        late = now - found.at > ANSWER_WITHIN
        if not found.paged and (self._ask is None or found.because or late):
            words = after_promotion.page(self._world, watched, actor=ACTOR)
            if words:
                log.critical("guard of %s: %s", self._world.service, words)

    def _save(self, watched: Watched, cursor: str, now: float) -> None:
        assert self._vigil is not None
        if now - self._saved_at < SAVE_EVERY:
            return
        self._put(watched, CHECKPOINT, {"cursor": cursor, "vigil": self._vigil.dump()})
        self._put(watched, EVIDENCE, self._vigil.document(now))
        self._saved_at = now

    def _put(self, watched: Watched, key: str, document: Mapping[str, Any]) -> None:
        self._world.journal.put_evidence(self._world.service, watched.view.id, key, document)

    @property
    def cursor(self) -> str | None:
        """Where a guard that begins with a watch under way reads on; None if there is none."""
        watched = after_promotion.watched_release(self._world.journal, self._world.service)
        if watched is None or not watched.at(self._world.clock.now()):
            return None
        saved = self._world.journal.evidence(self._world.service, watched.view.id, CHECKPOINT)
        return str(saved["cursor"]) if saved else None


def regions_away(world: World) -> list[str]:
    """Regions whose control does not answer: no release is held to account for what their users meet."""
    return [region for region in world.policy.shares if not _answers(world, region)]


def _answers(world: World, region: str) -> bool:
    try:
        world.estate.compute.ping(region)
    except Unreachable:  # what answers with an error is there
        return False
    except TidegateError:
        return True
    return True
