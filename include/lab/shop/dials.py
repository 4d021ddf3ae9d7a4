"""How badly a release behaves: built in by :mod:`.fault`, and turned from outside by a file while a scenario runs."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

CHECK_EVERY = 0.2  # seconds
log = logging.getLogger("shop.dials")


@dataclass(frozen=True)
class Dials:
    """``checkout_failures``: part of checkouts that answer 500 before any write. ``slow_tail``: factor on the slowest
    ``tail_part`` of checkouts. ``new_basket_failures``, ``receipt_failures``: part of the new basket's calls, and of
    receipts, that answer 500. ``leaks_after``: requests that a process answers well before it fails, 0 for any number.
    ``wrong_quantities``: part of orders whose row says one more than their event; the answer is as it should be.
    Factors are >= 1, parts in 0..1."""

    checkout_failures: float = 0.0
    slow_tail: float = 1.0
    tail_part: float = 0.15
    new_basket_failures: float = 0.0
    receipt_failures: float = 0.0
    leaks_after: float = 0.0
    wrong_quantities: float = 0.0


class DialFile:
    """Overrides read from a JSON file ``{"<version>": {"checkout_failures": 0.5}}``.

    Looked at every :data:`CHECK_EVERY` seconds at most, and read when its inode, size or mtime is another one. A
    missing file means no override; a broken one keeps what was in force and is logged.
    """

    def __init__(
        self, path: Path | None, version: str, built_in: Dials, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._path, self._version, self._built_in, self._clock = path, version, built_in, clock
        self._dials = built_in
        self._seen: tuple[int, ...] | None = None
        self._next_look = float("-inf")

    def current(self) -> Dials:
        """The dials in force now."""
        if self._path is not None and self._clock() >= self._next_look:
            self._next_look = self._clock() + CHECK_EVERY
            self._look(self._path)
        return self._dials

    def _look(self, path: Path) -> None:
        try:
            stat = path.stat()
        except FileNotFoundError:
            self._seen, self._dials = None, self._built_in
            return
        mark = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if mark == self._seen:
            return
        self._seen = mark
        try:
            self._dials = override(self._built_in, json.loads(path.read_text()).get(self._version, {}))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            log.warning("%s: kept %s, since the file cannot be used: %s", path, self._dials, error)


def override(dials: Dials, values: dict[str, Any]) -> Dials:
    """``dials`` with ``values`` put in. Raises ValueError for a name that is no dial or a value that is no number."""
    known = {f.name for f in fields(Dials)}
    if unknown := set(values) - known:
        raise ValueError(f"unknown dials {sorted(unknown)}, known: {sorted(known)}")
    return replace(dials, **{name: float(value) for name, value in values.items()})
