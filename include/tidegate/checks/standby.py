"""Do the standbys hold the rows that the primary holds, at the same position?

The primary is read in one transaction, which gives a mark (``pg_current_snapshot()``) and a place in the write-ahead
log. Once a standby has replayed that place, both are counted over the rows that the mark sees, so rows that were added
meanwhile do not count. A row that was changed or deleted meanwhile does: what differs is looked at again, with a new
mark, and only a bucket that differs at every look is a violation.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.checks.buckets import Buckets, Look, as_buckets
from tidegate.checks.connection import Deadline, explain, reading
from tidegate.checks.model import KEYS_SHOWN, CheckResult, CheckSpec, Limits, Status
from tidegate.checks.outcome import not_checked
from tidegate.checks.snapshot import columns_of
from tidegate.errors import NotSettled
from tidegate.model.masking import shown

LOOKS = 3
WITHIN = 10.0  # seconds that a standby may be behind
ROWS_COMPARED = 20_000  # of the buckets that differ, on each side, to name the rows
EXPECTED = "the same rows on every standby"
_PLACE = "SELECT pg_current_snapshot()::text, pg_current_wal_lsn()::text"
_REPLAYED = "SELECT pg_last_wal_replay_lsn() >= '{place}'::pg_lsn, pg_last_wal_replay_lsn()::text"


@dataclass(frozen=True)
class Pair:
    """Two servers and the limits under which they are read."""

    primary: str
    standby: str
    limits: Limits
    deadline: Deadline


def compare(spec: CheckSpec, primary: str, standbys: Mapping[str, str], limits: Limits) -> CheckResult:
    """The check's result; whatever cannot be looked at is ``not_checked``. Every transaction is read-only."""
    if not standbys:
        return not_checked(spec, "no standby is known")
    with Deadline(limits.total) as deadline:
        for region, url in standbys.items():
            try:
                found = _differs(spec, Pair(primary, url, limits, deadline))
            except Exception as error:  # SQLAlchemy's, ours: one that cannot be read is blindness
                return not_checked(spec, f"{region}: {explain(explain(error, url), primary)}")
            if found is not None:
                keys = tuple(shown(spec.about["key"], key, spec.personal) for key in found[:KEYS_SHOWN])
                detail = f"{region} differs from the primary in {len(found)} or more rows"
                return CheckResult(spec.id, Status.VIOLATED, len(found), EXPECTED, detail, keys)
    return CheckResult(spec.id, Status.PASSED, expected=EXPECTED)


def _differs(spec: CheckSpec, pair: Pair) -> list[str] | None:
    """Keys of rows in which the two differ at every look; None if they do not."""
    always: set[str] | None = None
    for _ in range(LOOKS):
        look, here, there = _both(spec, pair)
        differing = {bucket for bucket in {*here, *there} if here.get(bucket) != there.get(bucket)}
        always = differing if always is None else always & differing
        if not always:
            return None
    return _keys(pair, look, sorted(int(bucket) for bucket in always or ()))


def _both(spec: CheckSpec, pair: Pair) -> tuple[Look, Buckets, Buckets]:
    about = spec.about
    with reading(pair.primary, pair.limits, pair.deadline) as primary:
        mark, place = primary.exec_driver_sql(_PLACE).one()
        columns = tuple(about.get("columns") or ()) or columns_of(primary, about["table"])
        look = Look(about["table"], about["key"], columns, mark=mark)
        here = as_buckets(primary.exec_driver_sql(look.counted))
    _await(pair, place, float(about.get("within", WITHIN)))
    with reading(pair.standby, pair.limits, pair.deadline) as standby:
        return look, here, as_buckets(standby.exec_driver_sql(look.counted))


def _await(pair: Pair, place: str, within: float) -> None:
    """Return once the standby has replayed ``place``. Raises ``NotSettled``, also for one that replays nothing."""
    end = time.monotonic() + within
    while True:
        with reading(pair.standby, pair.limits, pair.deadline) as standby:
            there, replayed = standby.exec_driver_sql(_REPLAYED.format(place=place)).one()
        if there:
            return
        if replayed is None or time.monotonic() > end:
            raise NotSettled(f"it has replayed up to {replayed or 'nothing'}, not {place}, after {within:g} s")
        time.sleep(0.05)


def _keys(pair: Pair, look: Look, buckets: list[int]) -> list[str]:
    """Which rows: those that one side has and the other has not, or has otherwise."""
    statement = replace(look, mark="").hashed(buckets, ROWS_COMPARED)
    sides: list[set[tuple[Any, Any]]] = []
    for url in (pair.primary, pair.standby):
        with reading(url, pair.limits, pair.deadline) as connection:
            sides.append({(key, value) for key, value in connection.exec_driver_sql(statement)})
    return sorted({str(key) for key, _ in sides[0] ^ sides[1]})
