"""How the stable release fared of late, kept by the guard so that the release after it can be held against it.

One evidence row per service: the stable release's last hour, and what the one before it left. A guard that is replaced
goes on from there; what came in between is counted twice or not at all, which moves a bound by next to nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.world import World
from tidegate.judge.past import Counts, Past
from tidegate.model.observation import Observation
from tidegate.model.topology import Slot

log = logging.getLogger(__name__)

OWNER, KEY = "baseline", "past"  # where the row stands: it belongs to no operation
VERSION = 1
SAVE_EVERY = 5.0  # seconds


class Remembrance:
    """``before``: counts of the release that was stable before the one that is now, empty if that is not known."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._digest = ""
        self._slot: Slot | None = None
        self._past = Past()
        self.before: Counts = {}
        self._saved_at = 0.0
        self._load()

    def settle(self) -> None:
        """Look who is stable now. Another release than before: its past begins, the old one's is kept for it."""
        facts = fold_facts(self._world.journal.events(self._world.service, kinds=FACT_KINDS))
        self._slot = facts.stable_slot
        digest = facts.stable.digest if facts.stable else ""
        if digest == self._digest:
            return
        self.before = self._past.totals() if self._digest else {}
        self._digest, self._past = digest, Past()
        self._save()

    def note(self, observations: Iterable[Observation], now: float) -> None:
        """Count what the stable release answered."""
        for seen in observations:
            if seen.arm is not None and seen.arm.slot is self._slot:
                failed = seen.failed
                self._past.add(seen.endpoint, seen.session, failed, seen.at + seen.milliseconds / 1000)
        if now - self._saved_at >= SAVE_EVERY and self._digest:
            self._saved_at = now
            self._save()

    def _save(self) -> None:
        before = {name: list(counts) for name, counts in self.before.items()}
        row = {"version": VERSION, "release": self._digest, "past": self._past.dump(), "before": before}
        self._world.journal.put_evidence(self._world.service, OWNER, KEY, row)

    def _load(self) -> None:
        row = self._world.journal.evidence(self._world.service, OWNER, KEY)
        if row is None:
            return
        if row.get("version") != VERSION:
            log.warning("the past of %s begins anew: its row cannot be read", self._world.service)
            return
        self._digest, self._past = str(row["release"]), Past.load(row["past"])
        self.before = {name: (int(n), int(failed)) for name, (n, failed) in row["before"].items()}
