"""A PostgreSQL primary that takes no writes, and one that takes them again; and whom it waits for.

A server's default does not bind a session that sets itself otherwise. So every session is ended once the default is in
force, and ended again as long as one is seen that has written; the position is read after none was seen for a while. A
session that comes after that and insists loses nothing either: the clean stop that follows sends everything it wrote.
"""

from __future__ import annotations

import contextlib
import time
from typing import Any

from tidegate.drivers.database import _admin
from tidegate.drivers.database._moves import Wiring, check, hold_epoch, turn
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.token import Token
from tidegate.errors import EffectError, NotSettled, OutcomeUnknown, Refused

READ_ONLY, WAITS_FOR = "default_transaction_read_only", "synchronous_standby_names"
QUIET_WITHIN = 4.0  # seconds until no session writes; less than the longest flight of a call
QUIET_FOR = 0.05
_EXEMPT = """
SELECT coalesce(rolname, '(everybody)') FROM pg_db_role_setting LEFT JOIN pg_roles ON pg_roles.oid = setrole
WHERE 'default_transaction_read_only=off' = ANY(setconfig) LIMIT 1"""
_SESSIONS = """FROM pg_stat_activity LEFT JOIN pg_roles ON pg_roles.oid = usesysid
WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
_OURS_TO_END = "(NOT rolsuper OR current_setting('is_superuser') = 'on') AND application_name <> ALL(%(ours)s)"
_END = f"SELECT pg_terminate_backend(pid) {_SESSIONS} AND {_OURS_TO_END}"
_INSISTS = f"""
SELECT format('%%s as %%s', coalesce(nullif(application_name, ''), 'a session'), usename) {_SESSIONS}
  AND (backend_xid IS NOT NULL OR backend_start < %(since)s AND {_OURS_TO_END}) LIMIT 1"""


def quiesce(wiring: Wiring, region: str, token: Token) -> int:
    """See :meth:`~tidegate.drivers.database.contract.Database.quiesce`."""
    check(wiring, region, token)
    _must_be_primary(wiring, region, alone=False)
    hold_epoch(wiring, region, token)
    _write_out(wiring, region)
    owner = wiring.owner(region)

    def to_rest(connection: Any) -> int:
        if (exempt := connection.execute(_EXEMPT).fetchone()) is not None:
            raise Refused(
                f"sessions of {exempt[0]} write whatever the server's default is",
                next_step=f"alter role … reset {READ_ONLY}; nothing was changed",
            )
        turn(connection, READ_ONLY, "on")
        _await_default(wiring, region)
        _end_sessions(connection)
        _admin.hold_epoch(connection, wiring.service, owner, token)  # a commit, after which all before it is on disk
        return _admin.position(connection)

    return _admin.asked(wiring.admin(region), f"{region} was told to take no writes", to_rest)


def _write_out(wiring: Wiring, region: str) -> None:
    """The clean stop that follows writes out what has changed since the last checkpoint, while users wait: so most of
    it is written now. It takes longer than it may, or the log-in may not ask for it: then the stop takes longer."""
    with contextlib.suppress(EffectError):
        _admin.asked(wiring.admin(region), "the checkpoint was cut", lambda c: c.execute("CHECKPOINT"), changes=False)


def unquiesce(wiring: Wiring, region: str, token: Token) -> None:
    """See :meth:`~tidegate.drivers.database.contract.Database.unquiesce`."""
    check(wiring, region, token)
    _must_be_primary(wiring, region, alone=True)
    hold_epoch(wiring, region, token)
    _admin.asked(wiring.admin(region), f"{region} was told to take writes", lambda c: turn(c, READ_ONLY, None))
    deadline = time.monotonic() + QUIET_WITHIN
    while not wiring.accepts_write(region):
        if time.monotonic() >= deadline:
            raise NotSettled(f"{region} takes no writes yet", next_step="look at its settings; retry")
        time.sleep(0.01)


def synchronise(wiring: Wiring, region: str | None, token: Token) -> None:
    """See :meth:`~tidegate.drivers.database.contract.Database.synchronise`. A standby is known by the name of its
    region, as its ``cluster_name`` or ``application_name``."""
    states = wiring.observe()
    source = the_primary(states)
    check(wiring, source, token)
    if region is not None and (region == source or region not in states or not states[region].streaming):
        raise Refused(f"no standby in {region} streams from {source}", next_step="reprotect it first")
    hold_epoch(wiring, source, token)
    value = None if region is None else f'FIRST 1 ("{region}")'
    _admin.asked(wiring.admin(source), f"{source} was told whom to wait for", lambda c: turn(c, WAITS_FOR, value))
    deadline = time.monotonic() + QUIET_WITHIN
    while region is not None and not wiring.observe()[region].synchronous:
        if time.monotonic() >= deadline:
            raise NotSettled(f"{source} does not wait for {region} yet", next_step="see under which name it streams")
        time.sleep(0.01)


def _await_default(wiring: Wiring, region: str) -> None:
    """A reload is told to the server, not answered by it: what a new session is given counts."""
    deadline = time.monotonic() + QUIET_WITHIN
    while wiring.accepts_write(region):
        if time.monotonic() >= deadline:
            raise OutcomeUnknown(f"{region} takes writes still", next_step="look at its settings; unquiesce is safe")
        time.sleep(0.01)


def _end_sessions(connection: Any) -> None:
    """Those from before the default was in force, and whoever writes all the same."""
    since = connection.execute("SELECT clock_timestamp()").fetchone()[0]
    end = {"since": since, "ours": _admin.OURS}
    connection.execute(_END, end)
    deadline, quiet = time.monotonic() + QUIET_WITHIN, time.monotonic()
    while time.monotonic() - quiet < QUIET_FOR:
        if (found := connection.execute(_INSISTS, end).fetchone()) is not None:
            connection.execute(_END, end)
            quiet = time.monotonic()
        if time.monotonic() >= deadline:
            who = found[0] if found else "a session"
            raise NotSettled(f"{who} goes on writing though told not to", next_step="stop it, then retry; or unquiesce")
        time.sleep(0.005)


def _must_be_primary(wiring: Wiring, region: str, *, alone: bool) -> None:
    states = {r: answer.state for r, answer in wiring.ask().items()}
    if states[region].role != "primary":
        state = states[region]
        raise Refused(f"{region} is no primary: {state.role} {state.why}".strip(), next_step="look which one is")
    others = [r for r, state in states.items() if r != region and state.role == "primary"]
    if alone and others:
        raise Refused(f"{region} does not become the primary again: {others[0]} is", next_step="fence one of them")
