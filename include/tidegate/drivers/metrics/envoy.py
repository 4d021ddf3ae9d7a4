"""Envoy's JSON access log, followed as it grows, and its counters.

``resolution`` holds for an Envoy with ``--file-flush-interval-msec 50``.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from tidegate.drivers._envoy_admin import EnvoyAdmin
from tidegate.drivers.metrics import _tail
from tidegate.drivers.metrics._envoy_line import MalformedError, parse
from tidegate.drivers.site import Site
from tidegate.errors import Refused, Rejected, Unreachable
from tidegate.model.observation import Batch, Counters, Observation
from tidegate.model.topology import SERVING, Arm

# Completed, not total: only those are counted together with the 5xx, the edge's own 503 among them.
_NAMES = ("upstream_rq_completed", "upstream_rq_5xx", "upstream_rq_active", "membership_healthy", "membership_total")
_REFUSED = (
    r"http\.[^.]+\.no_cluster"  # by listener: what was sent nowhere, for want of admission or while writes are halted
)
_SAMPLE = 120  # characters of a malformed line that are shown


class Settings(BaseModel):
    """``admin``: connection of Envoy's admin interface. ``access_log``: the file that Envoy writes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    admin: str
    access_log: str


def connect(settings: Settings, site: Site) -> EnvoyMetrics:
    """The driver. Nothing is read yet. Raises ``Refused`` if the connection is not defined."""
    return EnvoyMetrics(EnvoyAdmin(site.resolve(settings.admin)), site.path(settings.access_log), site)


@dataclass(frozen=True)
class _Cursor:
    """Where to go on, and when the newest request that was read had ended (0: none was)."""

    position: _tail.Position
    newest: float

    def __str__(self) -> str:
        return f"{self.position};{self.newest!r}"

    @classmethod
    def parse(cls, text: str) -> _Cursor:
        position, _, newest = text.partition(";")
        try:
            found = cls(_tail.Position.parse(position), float(newest))
            if math.isfinite(found.newest):
                return found
            raise ValueError(newest)
        except ValueError as wrong:
            raise Refused(f"not a cursor of this driver: {text[:80]!r}", next_step="start with none") from wrong


class EnvoyMetrics:
    """The contract of ``metrics`` on one Envoy. Keeps no state between calls: all of it is in the cursor."""

    unit = "session"
    resolution = 0.05

    def __init__(self, admin: EnvoyAdmin, access_log: Path, site: Site) -> None:
        self._admin, self._access_log, self._site = admin, access_log, site

    def ping(self) -> None:
        self._admin.ready()
        if not self._access_log.exists():
            raise self._missing()

    def follow(self, cursor: str | None) -> Batch:
        """See the contract. At most 20,000 lines or 4 MiB per call; a full batch means that there may be more.

        A known gap (truncation, a rotated file that is gone) counts as one malformed line and is the sample.
        """
        since = _Cursor.parse(cursor) if cursor is not None else None
        try:
            if since is None:
                return self._start()
            chunk = _tail.read_after(self._access_log, since.position)
        except OSError as wrong:
            raise self._missing() from wrong
        return self._batch(chunk, since.newest)

    def counters(self) -> Counters:
        read_at = time.time()
        stats = self._admin.stats(rf"^(cluster\.[^.]+\.({'|'.join(_NAMES)})|{_REFUSED})$")
        arms = [Arm(region, slot) for region in self._site.regions for slot in SERVING]
        known = [arm for arm in arms if f"cluster.{arm.name}.membership_total" in stats]
        if not known:
            raise Rejected("Envoy's counters know none of the service's arms", next_step="see which edge `admin` names")
        refused = sum(value for name, value in stats.items() if re.fullmatch(_REFUSED, name))
        requests, errors, active, healthy, targets = (_column(stats, known, name) for name in _NAMES)
        return Counters(read_at, requests, errors, active, healthy, targets, refused)

    def _start(self) -> Batch:
        position, last = _tail.end_of(self._access_log)
        return self._batch(_tail.Chunk((last,) if last else (), position), 0.0, keep=False)

    def _batch(self, chunk: _tail.Chunk, newest: float, *, keep: bool = True) -> Batch:
        """Parse ``chunk``. With ``keep`` false only the age of its lines is taken."""
        now = time.time()
        found: list[Observation] = []
        wrong, sample = (1, chunk.gap) if chunk.gap else (0, "")
        for line in chunk.lines:
            try:
                one = parse(line, self._site.endpoints, self._site.regions, now)
            except MalformedError as malformed:
                wrong, sample = wrong + 1, sample or _shorten(malformed, line)
            else:
                if one is not None:
                    found.append(one)
        newest = max(newest, *(min(one.at + one.milliseconds / 1000, now) for one in found), 0.0)
        if not keep:
            found, wrong, sample = [], 0, ""
        return Batch(
            observations=tuple(found),
            cursor=str(_Cursor(chunk.position, newest)),
            read_at=now,
            malformed=wrong,
            sample=sample,
            lag_seconds=max(0.0, now - newest) if newest else None,
        )

    def _missing(self) -> Unreachable:
        return Unreachable(
            f"the access log {self._access_log} cannot be read",
            next_step="see whether Envoy runs and `access_log` names the file that it writes",
        )


def _column(stats: Mapping[str, int], arms: list[Arm], name: str) -> dict[Arm, int]:
    """One counter per arm. Envoy makes ``upstream_rq_5xx`` with the first such answer: not there means none yet."""
    return {arm: stats.get(f"cluster.{arm.name}.{name}", 0) for arm in arms}


def _shorten(malformed: MalformedError, line: bytes) -> str:
    return f"{malformed} in {line[:_SAMPLE]!a}"[: 2 * _SAMPLE]
