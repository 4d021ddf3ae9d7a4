"""The regions' servers as backups need them: who is primary, who streams, how far each has come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.credentials import Credential
from tidegate.drivers.database._cut import cut_off
from tidegate.drivers.database.postgres import sqlalchemy_url
from tidegate.errors import Unreachable

LOOKING = "tidegate-backups"
ANSWER_SECONDS = 2.0
SLOT, ARCHIVE = "tidegate_archive", "tidegate-archive"
_LOOK = """
SELECT r, CASE WHEN r THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END - '0/0'::pg_lsn,
  extract(epoch FROM now)::float8, EXISTS (SELECT FROM pg_stat_wal_receiver),
  (SELECT write_lsn - '0/0'::pg_lsn FROM pg_stat_replication WHERE application_name = %s ORDER BY 1 LIMIT 1)
FROM pg_is_in_recovery() AS r, clock_timestamp() AS now
"""

_DROP = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = %s AND NOT active"


@dataclass(frozen=True)
class Seen:
    """``position``: written or replayed, in bytes. ``at``: by that server's clock, from before ``position`` was read.
    ``streams``: a standby that is connected. ``archived``: what the archive says it has, if it hangs on this one."""

    region: str
    primary: bool
    position: int
    at: float
    streams: bool
    archived: int | None


class Servers:
    """Connections are kept while they are good: the archive is looked at every second. One thread."""

    def __init__(self, credentials: Mapping[str, Credential]) -> None:
        self._credentials, self._open = dict(credentials), dict[str, Any]()

    def look(self, regions: tuple[str, ...] = ()) -> dict[str, Seen]:
        """Those that answer."""
        found = {region: self._look(region) for region in regions or tuple(self._credentials)}
        return {region: seen for region, seen in found.items() if seen is not None}

    def drop_slot(self, region: str) -> None:
        """A slot on which nobody hangs would keep that server's log for ever."""
        import psycopg

        connection = self._open.get(region)
        if connection is None:
            return
        try:
            connection.execute(
                _DROP,
                (SLOT,),
            )
        except psycopg.Error:
            self._forget(region)

    def close(self) -> None:
        for region in tuple(self._open):
            self._forget(region)

    def _look(self, region: str) -> Seen | None:
        import psycopg

        try:
            connection = self._connection(region)
            with cut_off(connection, ANSWER_SECONDS):  # a frozen server keeps no time-out of its own
                row = connection.execute(_LOOK, (ARCHIVE,)).fetchone()
        except psycopg.Error:
            self._forget(region)
            return None
        return Seen(region, not row[0], int(row[1] or 0), row[2], row[3], None if row[4] is None else int(row[4]))

    def _connection(self, region: str) -> Any:
        import psycopg

        if region not in self._open:
            url = sqlalchemy_url(self._credentials[region]).replace("postgresql+psycopg:", "postgresql:", 1)
            self._open[region] = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=2,
                application_name=LOOKING,
                options="-c statement_timeout=2000",
                tcp_user_timeout=3000,
            )
        return self._open[region]

    def _forget(self, region: str) -> None:
        import contextlib

        connection = self._open.pop(region, None)
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.close()


def primary_of(seen: Mapping[str, Seen]) -> Seen | None:
    """None if there is none, or more than one."""
    found = [one for one in seen.values() if one.primary]
    return found[0] if len(found) == 1 else None


def source_of(seen: Mapping[str, Seen], not_from: str = "") -> str:
    """Where to take log and files from: a standby that streams, else the primary, so that the archive is never ahead of
    the one that may be promoted, and no clean stop of the primary waits for it. ``not_from``: who has just failed, and
    is only asked again where there is no other. Pure. Raises ``Unreachable``."""
    fit = [one for one in seen.values() if one.primary or one.streams]
    if not fit:
        raise Unreachable("no database answers that is a primary or streams", next_step="look at the servers")
    return min(fit, key=lambda one: (one.region == not_from, one.primary, one.region)).region
