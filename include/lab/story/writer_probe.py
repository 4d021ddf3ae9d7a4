"""Who takes writes, asked of both regions every 50 ms for as long as a scenario runs.

The question is an ``UPDATE`` of no row: a server that may not write refuses it whatever it finds, and one that may has
changed nothing. Asked of each server directly, past edge, shop and links.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.places import REGIONS
from lab.story.stage import Stage

EVERY = 0.05  # seconds
_CONNECT = 2  # seconds; libpq knows no less
_QUESTION = "update sessions set id = id where false"


@dataclass(frozen=True)
class Yes:
    """A region's server took a write between these two moments (epoch seconds)."""

    region: str
    began: float
    ended: float


@dataclass
class WriterProbe:
    """Asks from ``start`` to ``stop``. A server that does not answer holds up its own thread only."""

    stage: Stage
    answers: list[Yes] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self._over, self._lock = threading.Event(), threading.Lock()

    def __enter__(self) -> WriterProbe:
        for region in REGIONS:
            threading.Thread(target=self._ask_on, args=(region,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def told(self) -> dict[str, Any]:
        """``asked``: questions that were answered at all; ``handed_over``: how often another region took writes than
        before, one for a move and never two; ``longest_without``: seconds between two that were taken."""
        with self._lock:
            return {"asked": self.asked, **summary(self.answers)}

    def _ask_on(self, region: str) -> None:
        import psycopg

        url = self.stage.lab.databases().cluster(region).url(self.stage.lab.site().secrets, "shop")
        address = url.replace("postgresql+psycopg://", "postgresql://", 1)
        while not self._over.is_set():
            try:
                with psycopg.connect(address, autocommit=True, connect_timeout=_CONNECT) as connection:
                    while not self._over.wait(EVERY):
                        self._ask(region, connection)
            except psycopg.OperationalError:
                self._over.wait(EVERY)

    def _ask(self, region: str, connection: Any) -> None:
        from psycopg.errors import ReadOnlySqlTransaction

        began = time.time()
        try:
            connection.execute(_QUESTION)
            yes = True
        except ReadOnlySqlTransaction:
            yes = False
        with self._lock:
            self.asked += 1
            if yes and not self._over.is_set():
                self.answers.append(Yes(region, began, time.time()))


def summary(answers: Sequence[Yes]) -> dict[str, Any]:
    """See :meth:`WriterProbe.told`. By the end of each answer: a server that was frozen answers when it thaws."""
    ordered = sorted(answers, key=lambda yes: yes.ended)
    pairs = list(itertools.pairwise(ordered))
    return {
        "taken_by": list(dict.fromkeys(yes.region for yes in ordered)),
        "handed_over": sum(a.region != b.region for a, b in pairs),
        "longest_without": round(max((b.ended - a.ended for a, b in pairs), default=0.0), 2),
    }
