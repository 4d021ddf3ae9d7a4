"""The guard and the error budget: how fast it burns, and what the policy says then.

It counts what users get at all times, operation or not. What it has counted lies in rows outside the chain, one for
each rule, so a guard that takes over goes on with the same windows; the time in which nobody looked is a gap, which
counts neither way. It begins nothing itself: a fresh release is taken back as the watch over it would, the loss of a
region is left to the rule for regions, and everything else is told to a person.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tidegate.engine import after_promotion, automatic, burning, region_loss
from tidegate.engine.burning import ASK, BACK, PAGE, REGIONS, Episode
from tidegate.engine.permission import GUARD
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.guard.vigil import regions_away
from tidegate.judge.burn import WHOLE, Burning, BurnRule, State, began_with, budgets_of, everything, is_well, without
from tidegate.judge.counted import Rings
from tidegate.model.observation import Observation
from tidegate.policy.watch import Watch

log = logging.getLogger(__name__)

ROWS = "burn"  # stands where an operation's id does, in rows outside the chain: one for each rule
SAVE_EVERY, SAVE_AFTER = 5.0, 60.0  # seconds between two rows of a rule: a part of its short window, within these
SOONEST, LATEST = 0.5, 3.0  # seconds between two looks: a hundredth of the shortest window, within these
STILL_LOOKING = 5.0  # seconds between two looks beyond which the time between counts as a gap
NOWHERE = "-"  # stands for the region of a request that reached none
SKEW = 2.0  # seconds by which the edge's clock may run ahead of the reader's


class BurnWatch:
    """One per guard. ``note`` what was seen, then ``look``; both do nothing where the policy has no ``watch``."""

    def __init__(self, world: World) -> None:
        self._world, self._part = world, world.policy.watch
        self._rules: tuple[BurnRule, ...] = self._part.rules if self._part else ()
        objectives = world.policy.objectives
        self._budgets = budgets_of(self._part.objectives, objectives.availability) if self._part else {}
        self._slow = objectives.latency_p99 * 1000
        self._rings = Rings(self._rules)
        self._every = min(max(self._rules[0].short / 100, SOONEST), LATEST) if self._rules else 0.0
        self._counted_until = self._looked_at = 0.0
        self._saved_at = dict.fromkeys((rule.name for rule in self._rules), world.clock.now())
        self._seq, self._answered_at = -1, 0.0
        self._episode: Episode | None = None
        self._load()

    def note(self, observations: Iterable[Observation]) -> None:
        """Count what came since the last look. Who found no region that answers has failed nowhere; who was turned away
        by the router has not failed, and what lies ahead of the clock is passed over."""
        if self._part is None:
            return
        ahead = self._world.clock.now() + SKEW
        for seen in observations:
            ended = seen.at + seen.milliseconds / 1000
            if seen.refused or not self._counted_until < ended <= ahead:
                continue
            region, slow = seen.arm.region if seen.arm else NOWHERE, seen.milliseconds > self._slow
            self._rings.add(ended, region, seen.endpoint, failed=seen.failed, slow=slow)

    def look(self, view: OperationView | None, seq: int) -> None:
        """``view``: the open operation. ``seq``: of the journal's head. Raises as the journal does."""
        now = self._world.clock.now()
        if self._part is None or now - self._looked_at < self._every:
            return
        if self._looked_at and now - self._looked_at <= STILL_LOOKING:
            self._rings.looked(self._looked_at, now)
        self._looked_at = now
        self._save(now)
        if seq != self._seq:
            self._episode = burning.episode(self._world.journal, self._world.service)
            self._answered_at = burning.answered_at(self._world.journal, self._world.service)
            self._seq = seq
        self._rule(self._part, view, now)

    def _rule(self, part: Watch, view: OperationView | None, now: float) -> None:
        seen = list(everything(self._rules, self._budgets, self._rings, now, self._answered_at))
        burning.publish(self._world.journal, self._world.service, in_words(seen))
        if burning.answering(view):
            return
        found = [one for one in seen if one.state is State.BURNS]
        if found and self._is_news(found[0], now):
            self._begin(part, found[0], view, now)
        elif self._episode is not None:
            self._end(self._episode, found, seen)

    def _is_news(self, found: Burning, now: float) -> bool:
        known = self._episode
        if known is None or known.then != REGIONS:
            return known is None or not known.covers(found.rule.name, PAGE)
        return not known.covers(found.rule.name, REGIONS if self._explains(self._lost(), found, now) else PAGE)

    def _lost(self) -> region_loss.Episode | None:
        return region_loss.episode(self._world.journal, self._world.service)

    def _explains(self, lost: region_loss.Episode | None, found: Burning, now: float) -> bool:
        """Whether a quorum of probes sees a region lost, and what goes elsewhere does not burn."""
        return lost is not None and without(found, self._rings, lost.region, now, self._answered_at) != State.BURNS

    def _begin(self, part: Watch, found: Burning, view: OperationView | None, now: float) -> None:
        world = self._world
        then, because = self._decide(part, found, view, now)
        self._episode = told = burning.declare(world, found, then, because, GUARD)
        asks = told.then in (PAGE, ASK)
        words = burning.needed(world.service, told) if asks else f"{told.why}; {told.because}"
        log.log(logging.CRITICAL if told.then == PAGE else logging.ERROR, "guard of %s: %s", world.service, words)

    def _decide(self, part: Watch, found: Burning, view: OperationView | None, now: float) -> tuple[str, str]:
        """What follows; a release that is to be taken back for it has been declared failed by then."""
        world, watched = self._world, after_promotion.watched_release(self._world.journal, self._world.service)
        lost = self._lost()
        fresh = watched is not None and view is None and watched.at(now)
        if not fresh or watched is None or not began_with(found, self._rings, watched.since, now):
            watched = None
        said = after_promotion.finding(world.journal, watched) if watched else None
        then, because = burning.what_then(
            part.then(found.rule),
            region=lost.region if lost is not None and self._explains(lost, found, now) else "",
            release=watched.release.version if watched else "",
            found_by_watch=said is not None,
            away=" and ".join(regions_away(world)) if watched else "",
            held=automatic.held_back(world.journal.events(world.service, kinds=automatic.KINDS), now),
        )
        if then == BACK and watched is not None and said is None:
            why = f"{watched.release.version} fails after its promotion: {found.words}"
            if not after_promotion.declare_failed(world, watched, why=why, observed_at=now, actor=GUARD):
                return PAGE, "the release changed, or an operation began, while it was looked at"
        return then, because

    def _end(self, told: Episode, found: list[Burning], seen: list[Burning]) -> None:
        """An episode is over once its rule is known not to burn any more, and nothing burns that is as urgent. That
        nothing is seen ends none."""
        if any(one.rule.urgent or not told.urgent for one in found):
            return
        same = [one for one in seen if one.rule.name == told.rule]
        mine = [one for one in same if one.scope == told.scope] or [one for one in same if one.scope == WHOLE]
        if mine and all(
            is_well(one.rule, one.budget, one.short) or is_well(one.rule, one.budget, one.long) for one in mine
        ):
            burning.over(self._world, told, in_words(seen), GUARD)
            self._episode = None
            log.warning("guard of %s: %s", self._world.service, burning.OVER)

    def _save(self, now: float) -> None:
        for rule in self._rules:
            if now - self._saved_at[rule.name] >= min(max(SAVE_EVERY, rule.short / 60), SAVE_AFTER):
                row = {**self._rings.dump(rule.name), "until": now}
                self._world.journal.put_evidence(self._world.service, ROWS, rule.name, row)
                self._saved_at[rule.name] = now

    def _load(self) -> None:
        """Rows as the guard before left them. What had ended by the newest of them is in all of them, or was seen by
        nobody since."""
        for rule in self._rules:
            row = self._world.journal.evidence(self._world.service, ROWS, rule.name)
            if row is None:
                continue
            try:
                self._rings.load(rule.name, row)
                self._counted_until = max(self._counted_until, float(row["until"]))
            except (KeyError, ValueError) as error:
                log.warning("the counts of the rule %s of %s begin anew: %s", rule.name, self._world.service, error)


def in_words(seen: Iterable[Burning]) -> str:
    """How the budget burns, in a line: the first rule of each objective, over all requests. Pure."""
    first: dict[str, Burning] = {}
    for one in seen:
        if one.scope == WHOLE:
            first.setdefault(one.objective, one)
    told = []
    for objective, one in first.items():
        if not one.short.requests:
            told.append(f"{objective}: no requests seen, so nothing can be said")
        else:
            rate = one.short.part / one.budget
            told.append(f"{objective}: burns {rate:.1f}x as fast as promised ({one.short.bad} of {one.short.requests})")
    return "; ".join(told)
