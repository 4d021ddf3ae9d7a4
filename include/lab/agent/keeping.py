"""Which faults are there: on disk, so that an agent that is started anew takes them back as well."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.agent.breaking import Broken
from lab.places import write_private
from tidegate.drivers.faults.contract import Fault, FaultKind, Injected
from tidegate.errors import Refused, TidegateError

LOOK_EVERY = 0.5  # seconds


class Keeping:
    """``kinds``: what can be broken. ``record``: where what is broken stands."""

    def __init__(self, kinds: Mapping[FaultKind, Broken], record: Path) -> None:
        self._kinds, self._record = kinds, record
        self._lock = threading.RLock()
        self._there: dict[str, Injected] = {one.id: one for one in _read(record)}

    def told(self) -> dict[str, Any]:
        """Kinds, and what is there."""
        with self._lock:
            return {"kinds": sorted(self._kinds), "active": [_json(one) for one in self._there.values()]}

    def inject(self, which: str, fault: Fault, lasts: float) -> dict[str, Any]:
        """Written down before it is done: what is only half there is taken back all the same."""
        with self._lock:
            if fault.kind not in self._kinds:
                raise Refused(f"{fault.kind.value} cannot be had here: {', '.join(sorted(self._kinds))}")
            there = self._there.get(which)
            if there is not None and there.fault != fault:
                raise Refused(f"{which} is {there.fault} already")
            if there is None:
                now = time.time()
                there = self._there[which] = Injected(which, fault, now, now + lasts)
                self._save()
                self._kinds[fault.kind].put_in(fault)
            return _json(there)

    def lift(self, which: str) -> None:
        with self._lock:
            there = self._there.get(which)
            if there is not None:
                self._kinds[there.fault.kind].take_back(there.fault)
                del self._there[which]
                self._save()

    def take_back_in_time(self) -> None:
        """For ever: whatever became of the drill."""
        while True:
            with self._lock:
                due = [one.id for one in self._there.values() if one.until <= time.time()]
            for which in due:
                try:
                    self.lift(which)
                except TidegateError as error:  # again at the next look
                    print(f"{which} could not be taken back: {error}", file=sys.stderr, flush=True)
            time.sleep(LOOK_EVERY)

    def _save(self) -> None:
        write_private(self._record, json.dumps([_json(one) for one in self._there.values()], indent=1))


def _json(one: Injected) -> dict[str, Any]:
    return {"id": one.id, "fault": one.fault.to_json(), "since": one.since, "until": one.until}


def _read(record: Path) -> list[Injected]:
    if not record.exists():
        return []
    rows = json.loads(record.read_text())
    return [Injected(row["id"], Fault.from_json(row["fault"]), row["since"], row["until"]) for row in rows]
