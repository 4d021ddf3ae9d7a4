"""A restored database in the live one's place: loaded into the live server under another name, then two names change
hands in one transaction. Names are all that says how far it has come.

Nobody is connected to either database while that transaction runs: it holds off whoever comes, and whoever is there is
ended. So no write is half in the one and half in the other, standbys follow by themselves, and the live database stays,
under another name.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from tidegate.drivers.backups import _loading
from tidegate.drivers.backups._place import Place
from tidegate.drivers.backups.contract import Restored, Standing
from tidegate.drivers.credentials import Credential
from tidegate.drivers.database import _admin
from tidegate.drivers.token import Token
from tidegate.errors import EffectError, NotYet, Refused

MAINTENANCE = "postgres"  # the database of every server in which names are changed
NAME_BYTES = 63
FOLLOWS_SECONDS = 20.0  # until a standby that answers has the new names
_LOOK = """
SELECT d.datname, shobj_description(d.oid, 'pg_database'), pg_get_userbyid(d.datdba) FROM pg_database d
WHERE d.datname = ANY(%s)"""
_END = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ANY(%s) AND pid <> pg_backend_pid()"
_SERVES = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)"


@dataclass(frozen=True)
class Names:
    """``live``: what the service connects to. Raises ``Refused`` where a name would not fit."""

    live: str
    restored: str

    def __post_init__(self) -> None:
        if self.live == MAINTENANCE:
            raise Refused(
                f"the live database is called {MAINTENANCE}, in which names are changed",
                next_step="put the restored rows back by hand, with psql on both",
            )
        if len(self.replaced.encode()) > NAME_BYTES:
            raise Refused(
                f"{self.replaced} is longer than a name of PostgreSQL", next_step="swap it by hand, with shorter names"
            )

    @property
    def copy(self) -> str:
        return f"{self.live}_restored_{self.restored}"

    @property
    def replaced(self) -> str:
        return f"{self.live}_replaced_{self.restored}"

    @property
    def mark(self) -> str:
        """The copy's comment once all of it is there."""
        return f"tidegate: all of {self.restored}"


@dataclass(frozen=True)
class Live:
    """The server of the region that takes writes. ``admin``: its log-in, the path of which is the live database."""

    admin: Credential
    service: str
    names: Names

    def there(self, database: str) -> Credential:
        return replace(self.admin, path=database)


def live_of(admin: Credential, service: str, restored: str) -> Live:
    return Live(admin, service, Names(admin.path.strip("/"), restored))


def look(live: Live) -> Standing:
    """Raises ``Refused`` where the names are as no swap leaves them."""
    names = live.names
    found = _admin.asked(live.there(MAINTENANCE), "the names were asked for", lambda c: _named(c, names), changes=False)
    if names.live not in found or {names.copy, names.replaced} <= set(found):
        raise Refused(
            f"there are {', '.join(sorted(found)) or 'none of'} the databases of this swap, which none leaves so",
            next_step=f"look at the server with psql; {names.live} is what the service connects to",
        )
    loaded = names.copy in found and found[names.copy][0] == names.mark
    return Standing(names.copy, names.replaced, loaded, names.replaced in found)


def load(place: Place, live: Live, restored: Restored, token: Token) -> None:
    """A copy in the live server, under a name that no client knows. What is there and not complete is made anew."""
    if (standing := look(live)).swapped or standing.loaded:
        return
    owner = _hold(live, token)
    _admin.asked(live.there(MAINTENANCE), "the copy was begun", lambda c: _loading.make_empty(c, live.names, owner))
    _loading.pump(place, live.there(live.names.copy), live.names, restored)
    _hold(live, token)  # who has loaded for hours may have been superseded meanwhile
    held = lambda c: _admin.hold_epoch(c, live.service, owner, token)  # noqa: E731
    _admin.asked(live.there(live.names.copy), "the copy's epoch was noted", held)
    _admin.asked(live.there(MAINTENANCE), "the copy was given its rights", lambda c: _loading.finish(c, live.names))


def exchange(live: Live, token: Token) -> None:
    """The copy is the live database when this returns, and the live one is kept beside it, read-only by default.
    Longest flight: ten seconds."""
    standing = look(live)
    if standing.swapped:
        return
    if not standing.loaded:
        raise Refused(f"{standing.copy} is not there in full", next_step="load it first")
    _hold(live, token)
    _admin.asked(live.there(MAINTENANCE), "the names were to change hands", lambda c: _end_and_rename(c, live))


def follow(live: Live, standby: Credential) -> bool:
    """Once the standby has the new names: whoever reads the replaced database there is ended, and comes back to the new
    one. False if it does not answer or has not got so far."""
    deadline = time.monotonic() + FOLLOWS_SECONDS
    there = replace(standby, path=MAINTENANCE)
    while True:
        try:
            if _admin.asked(there, "the names were asked for", lambda c: _ended(c, live.names), changes=False):
                return True
        except EffectError:
            return False
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.1)


def drop(live: Live, token: Token) -> None:
    """The copy is gone; nothing where it was swapped in, or never made."""
    if look(live).swapped:
        return
    _hold(live, token)
    _admin.asked(live.there(MAINTENANCE), "the copy was dropped", lambda c: _loading.drop(c, live.names.copy))


def _named(connection: Any, names: Names) -> dict[str, tuple[str, str]]:
    rows = connection.execute(_LOOK, ([names.live, names.copy, names.replaced],)).fetchall()
    return {name: (comment or "", owner) for name, comment, owner in rows}


def _hold(live: Live, token: Token) -> str:
    """The live database's owner. Raises ``LeaseLost`` if a newer epoch is held there."""
    if token.epoch < 1:
        raise Refused(f"{token.operation} has no lease, so it swaps no database", next_step="open an operation")

    def held(connection: Any) -> str:
        owner = str(_named(connection, live.names)[live.names.live][1])
        _admin.hold_epoch(connection, live.service, owner, token)
        return owner

    return _admin.asked(live.admin, "the epoch was not noted", held)


def _end_and_rename(ender: Any, live: Live) -> None:
    """Whoever comes waits for the lock that the renaming holds; whoever is there is ended until it is through."""
    databases = [live.names.live, live.names.copy]
    with ThreadPoolExecutor(1) as pool:
        renaming = pool.submit(_rename, live)
        while not renaming.done():
            ender.execute(_END, (databases,))
            time.sleep(0.02)
        renaming.result()


def _rename(live: Live) -> None:
    from psycopg import errors, sql

    names, rename = live.names, sql.SQL("ALTER DATABASE {} RENAME TO {}")
    live_, copy, replaced = (sql.Identifier(one) for one in (names.live, names.copy, names.replaced))
    quiet = sql.SQL("ALTER DATABASE {} SET default_transaction_read_only = on").format(replaced)
    try:
        with _admin.session(live.there(MAINTENANCE)) as connection, connection.transaction():
            connection.execute(rename.format(live_, replaced))
            connection.execute(rename.format(copy, live_))
            connection.execute(quiet)
    except (errors.ObjectInUse, errors.LockNotAvailable) as busy:
        raise NotYet(
            f"somebody would not leave {names.live} ({busy.sqlstate}); the names are as they were",
            next_step="look in pg_stat_activity who it is; then retry",
        ) from None


def _ended(connection: Any, names: Names) -> bool:
    if not connection.execute(_SERVES, (names.replaced,)).fetchone()[0]:
        return False
    connection.execute(_END, ([names.replaced],))
    return True
