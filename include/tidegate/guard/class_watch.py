"""The guard and the endpoint classes: whether one fails in one region alone, and what the policy says then.

It rules by what users got, as the edge logs it, and not while an operation moves traffic: then another watch is on.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable

from tidegate.engine import class_loss, detours
from tidegate.engine.permission import GUARD
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.judge.classes import Failing, Ruling, count, rule_on
from tidegate.model.observation import Observation

log = logging.getLogger(__name__)

EVERY = 0.5  # seconds


class ClassWatch:
    """One per guard. ``note`` what was seen, then ``look``; both do nothing where the policy has no rule for it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._part = world.policy.failover.detour if world.policy.failover else None
        self._seen: deque[tuple[float, str, str, bool]] = deque()
        self._looked_at = 0.0
        self._said = ""

    def note(self, observations: Iterable[Observation]) -> None:
        if self._part is not None:
            self._seen.extend((o.at, o.arm.region, o.endpoint, o.failed) for o in observations if o.arm is not None)

    def look(self, view: OperationView | None) -> None:
        """Raises as the journal, and where it acts the router, do; the next look comes all the same."""
        now = self._world.clock.now()
        if self._part is None or now - self._looked_at < EVERY:
            return
        self._looked_at = now
        self._forget(now - self._part.within)
        if view is not None and view.kind in detours.BUSY:
            return
        ruling = rule_on(self._part.rule, count((region, name, failed) for _, region, name, failed in self._seen))
        self._answer(ruling, now)

    def _answer(self, ruling: Ruling, now: float) -> None:
        world, failing = self._world, ruling.failing
        if failing is None:
            self._said = ""
            class_loss.publish(world, ruling.why, "")
        elif detours.reassert(world, failing.endpoint):
            class_loss.publish(world, failing.why, "")  # its route has moved: what is seen was before, or on its way
        else:
            self._follow(failing, now)

    def _follow(self, failing: Failing, now: float) -> None:
        world = self._world
        then, because = class_loss.declare(world, failing, GUARD)
        do = class_loss.what_to_do(world.service, failing, because)
        self._say(f"{failing.endpoint} fails in {failing.region}; then: {then} {because}", failing.why)
        try:
            if then == class_loss.ACT:
                rates = self._rates(now)
                detours.set_detour(
                    world,
                    failing.endpoint,
                    failing.elsewhere,
                    person=GUARD,
                    reason=failing.why,
                    actor=GUARD,
                    rates=rates,
                )
                log.warning("guard of %s: %s goes to %s alone", world.service, failing.endpoint, failing.elsewhere)
                do = ""
        except Refused as refused:
            do = f"its route is not moved: {refused.message}; {refused.next_step}"
        class_loss.publish(world, failing.why, do)

    def _say(self, words: str, why: str) -> None:
        if words != self._said:
            log.error("guard of %s: %s: %s", self._world.service, words, why)
        self._said = words

    def _rates(self, now: float) -> detours.Rates:
        assert self._part is not None
        counted = count((region, name, failed) for _, region, name, failed in self._seen)
        return {key: one.requests / self._part.within for key, one in counted.items()}

    def _forget(self, before: float) -> None:
        while self._seen and self._seen[0][0] < before:
            self._seen.popleft()
