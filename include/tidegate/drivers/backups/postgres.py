"""PostgreSQL: ``pg_basebackup``, ``pg_receivewal`` and a server of its own for what is restored.

The archive is taken as a stream, so it is seconds behind and not a file of 16 MB, and it is outside the regions. Log
and files come from a standby that streams where there is one: so the archive is never ahead of what may be promoted,
and nothing that the service does waits for it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers.backups import _beside, _compare, _keeping, _log, _swap, _taking
from tidegate.drivers.backups._place import Place, new_id, place_of
from tidegate.drivers.backups._programs import pass_file
from tidegate.drivers.backups._servers import Servers, source_of
from tidegate.drivers.backups.contract import Backup, BackupState, Restored, Standing, TableDifference, Told
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import NotYet, Refused, Rejected


class Settings(BaseModel):
    """``place``: ``conn://name`` of where the backups are, a connection of the type ``file`` with the extras
    ``directory`` (of the backups and the log; outside the regions), ``programs`` (directory of PostgreSQL's own, of
    the servers' major version), ``account`` (whom a restored server runs as; root has to name one) and ``beside``
    (directory for the files of restored servers). ``regions``: region -> ``conn://name`` of its server with a log-in
    that may replicate and is in ``pg_monitor``. ``admin``: the same with a log-in for ``tidegate restore
    --swap`` alone, to the database that the service works on: a superuser, also at the times that are restored."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    place: str
    regions: dict[str, str] = Field(min_length=1)
    admin: dict[str, str] = {}


class PostgresBackups:
    """Works on the files where it runs: ``tidegate backup``, ``restore`` and ``keep-backups`` belong on the machine
    that has them, in one account."""

    def __init__(self, settings: Settings, site: Site) -> None:
        if set(settings.regions) != set(site.regions):
            raise Refused(
                f"backups regions {sorted(settings.regions)} are not the service's regions {sorted(site.regions)}",
                next_step="give drivers.backups.regions one connection per region",
            )
        if settings.admin and set(settings.admin) != set(site.regions):
            raise Refused(
                f"backups admin {sorted(settings.admin)} are not the service's regions {sorted(site.regions)}",
                next_step="give drivers.backups.admin one connection per region",
            )
        self._service = site.service
        self._settings, self._resolve = settings, site.resolve

    def observe(self, *, read_again_after: float | None = None) -> BackupState:
        place = self._place()
        found = [_taking.look(place, one) for one in place.backups()]
        newest = BackupState(tuple(found)).newest
        if newest is not None and read_again_after is not None and time.time() - newest.read_at > read_again_after:
            found[found.index(newest)] = _taking.read_again(place, newest)
        return self._with_archive(place, tuple(found))

    def take(self, *, keep: int) -> Backup:
        credentials = self._credentials()
        servers = Servers(credentials)
        try:
            source = source_of(servers.look())
        finally:
            servers.close()
        return _taking.take(self._place(), source, credentials[source], keep)

    def restore(self, to: float | None) -> Restored:
        place, began = self._place(), time.time()
        backup, end = self._fit(self.observe(), to)
        _taking.read_in_full(place, place.base / backup.id)
        name = new_id(began)
        data = place.data_of(name)
        try:
            _beside.lay_out(place, backup, data, to)
            port = _beside.start(place, data)
            position, reached = _beside.replay(place, data, self._any(), port, to, end)
            took = round(time.time() - began, 3)
            where = (_beside.HOST, port, to, reached, position)
            found = Restored(name, backup.id, *where, took, _beside.size(data))
            place.note_restored(found)
        except BaseException:  # a server that nobody knows of would run for ever
            _beside.stop(place, data)
            raise
        return found

    def restored(self) -> tuple[Restored, ...]:
        place = self._place()
        return tuple(replace(one, runs=_beside.runs(place, place.data_of(one.id))) for one in place.restored())

    def discard(self, restored: str) -> None:
        place = self._place()
        self._known(restored)
        data = place.data_of(restored)
        _beside.stop(place, data)
        if data.exists():
            raise Rejected(
                f"files of the restored database {restored} could not be removed: {data}",
                next_step="look at who owns them; then ask again",
            )
        place.restored_note(restored).unlink(missing_ok=True)

    def compare(self, restored: str, live: str, other: str = "") -> tuple[TableDifference, ...]:
        from sqlalchemy import make_url

        there = make_url(live).set(database=other).render_as_string(hide_password=False) if other else live
        return _compare.compare(_libpq(self.address(restored, live)), _libpq(there))

    def address(self, restored: str, live: str) -> str:
        from sqlalchemy import make_url

        found = self._known(restored)
        return make_url(live).set(host=found.host, port=found.port, query={}).render_as_string(hide_password=False)

    def standing(self, restored: str, region: str) -> Standing:
        return _swap.look(self._live(restored, region))

    def load(self, restored: str, region: str, token: Token) -> None:
        _swap.load(self._place(), self._live(restored, region), self._known(restored), token)

    def swap(self, restored: str, region: str, token: Token) -> None:
        _swap.exchange(self._live(restored, region), token)

    def follow(self, restored: str, region: str) -> tuple[str, ...]:
        live, admins = self._live(restored, region), self._settings.admin
        others = {name: self._resolve(reference) for name, reference in admins.items() if name != region}
        return tuple(name for name, admin in others.items() if not _swap.follow(live, admin))

    def drop_copy(self, restored: str, region: str, token: Token) -> None:
        _swap.drop(self._live(restored, region), token)

    def keep_up(self, stop: threading.Event, told: Told, *, every: float, keep: int) -> None:
        place, credentials = self._place(), self._credentials()
        place.make()

        def due() -> bool:
            return self._due(place, every)

        def take() -> str:
            taken = self.take(keep=keep)
            return f"{taken.id} from {taken.source}: {taken.size_bytes} bytes in {taken.ended - taken.started:.1f} s"

        taking = threading.Thread(target=_keeping.take_in_time, args=(due, take, stop, told), daemon=True)
        taking.start()
        with pass_file(credentials) as secret:
            _keeping.Keeper(place, credentials, secret, told).run(stop)
        taking.join(5)

    def ping(self) -> None:
        self._place().backups()
        servers = Servers(self._credentials())
        try:
            source_of(servers.look())
        finally:
            servers.close()

    def _fit(self, state: BackupState, to: float | None) -> tuple[Backup, int]:
        """The backup to begin with, and where the archive ends. Raises as :meth:`restore`."""
        backup = state.before(to)
        if backup is None:
            broken = "; ".join(f"{one.id}: {one.why}" for one in state.backups if not one.readable)
            raise Refused(
                f"no readable backup had ended by then{f' ({broken})' if broken else ''}",
                next_step="name a later time: tidegate backups lists what there is",
            )
        if state.archived_until is None or state.archived_to is None:
            raise NotYet("the archive has not reached the primary yet", next_step="look: tidegate backups")
        if to is not None and to > state.archived_until:
            raise NotYet(
                f"the archive is {to - state.archived_until:.1f} s from that time",
                next_step="wait and ask again; if it does not come nearer: tidegate keep-backups has to run",
            )
        if missing := self._missing(self._place(), backup, state.archived_to):
            raise Refused(f"the log from backup {backup.id} on has a gap: {missing}", next_step="name a time before it")
        return backup, state.archived_to

    def _due(self, place: Place, every: float) -> bool:
        """Not before the archive is known to go on, or not to: else the first backup would end before it begins."""
        if not place.archived().get("to") and not place.archived().get("trouble"):
            return False
        fit = [one for one in place.backups() if one.readable and (place.base / one.id).is_dir()]
        return not fit or time.time() - fit[-1].ended > every

    def _with_archive(self, place: Place, backups: tuple[Backup, ...]) -> BackupState:
        noted = place.archived()
        state = BackupState(backups, noted.get("until"), noted.get("to"), trouble=noted.get("trouble", ""))
        if state.newest is None or state.archived_to is None:
            return state
        return replace(state, gap=self._missing(place, state.newest, state.archived_to))

    def _missing(self, place: Place, backup: Backup, end: int) -> str:
        sizes = {path.name: path.stat().st_size for path in place.wal.iterdir()} if place.wal.is_dir() else {}
        history = {path.name: path.read_text() for path in place.wal.glob("*.history")}
        return _log.gap(sizes, history, backup.end, end, backup.timeline)

    def _known(self, restored: str) -> Restored:
        found = {one.id: one for one in self._place().restored()}
        if restored not in found:
            known = ", ".join(found) or "none"
            raise Refused(f"there is no restored database {restored!r}", next_step=f"there are: {known}")
        return found[restored]

    def _live(self, restored: str, region: str) -> _swap.Live:
        if region not in self._settings.admin:
            raise Refused(
                "this policy names no log-in that could put a restored database in the live one's place",
                next_step="give drivers.backups.admin one connection per region",
            )
        return _swap.live_of(self._resolve(self._settings.admin[region]), self._service, restored)

    def _place(self) -> Place:
        return place_of(self._resolve(self._settings.place))

    def _credentials(self) -> dict[str, Credential]:
        return {region: self._resolve(reference) for region, reference in self._settings.regions.items()}

    def _any(self) -> Credential:
        """Every region's log-in is known to a server that has the same log."""
        return next(iter(self._credentials().values()))


def _libpq(url: str) -> str:
    return url.replace("postgresql+psycopg:", "postgresql:", 1)


def connect(settings: Settings, site: Site) -> PostgresBackups:
    """Raises ``Refused`` if the regions do not match. Opens no connection."""
    return PostgresBackups(settings, site)
