"""The moving verbs on PostgreSQL: what each needs, and in which order it asks for it.

What proves what: a primary that was told to take no writes proves nothing, for any session may set itself otherwise;
a control that says ``off`` after a clean stop, and starts its server as a standby only, does; a power switch that says
``off, nothing left`` does. A promotion and a switch hold no epoch; the tables on the primary do.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.credentials import Credential
from tidegate.drivers.database import _admin
from tidegate.drivers.database._observing import Answer, ask, observe
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.database._switches import Control, Power
from tidegate.drivers.database.contract import DatabaseState, Fence
from tidegate.drivers.token import Token
from tidegate.errors import EffectError, NotSettled, OutcomeUnknown, Refused, Unreachable

PROMOTE = "SELECT pg_promote(false)"
PROMOTE_SECONDS = 30.0  # until a promoted server takes a write
REJOIN_SECONDS = 1800.0  # for a rewind or a copy of everything
START_SECONDS = 60.0  # until a standby that was started streams
BOOT_SECONDS = 60.0  # until a region that has power again answers


@dataclass(frozen=True)
class Wiring:
    """Connections by region, resolved anew for each call. Those that are missing are refused by name."""

    service: str
    resolve: Callable[[str], Credential]
    regions: Mapping[str, str]
    repairs: Mapping[str, str]
    admins: Mapping[str, str]
    controls: Mapping[str, str]
    powers: Mapping[str, str]

    def admin(self, region: str) -> Credential:
        return self.resolve(_named("admin", self.admins, region))

    def control(self, region: str) -> Control:
        return Control(region, self.resolve(_named("control", self.controls, region)))

    def power(self, region: str) -> Power | None:
        return Power(region, self.resolve(self.powers[region])) if self.powers else None

    def owner(self, region: str) -> str:
        """Whose the schema ``tidegate`` is."""
        return self.resolve(self.repairs[region]).login or ""

    def ask(self) -> dict[str, Answer]:
        return ask({region: self.resolve(reference) for region, reference in self.regions.items()})

    def observe(self) -> dict[str, DatabaseState]:
        return observe({region: self.resolve(reference) for region, reference in self.regions.items()})

    def accepts_write(self, region: str) -> bool:
        return _admin.accepts_write(self.admin(region), self.service, self.owner(region))


def check(wiring: Wiring, region: str, token: Token) -> None:
    """Raises ``Refused`` before anything is sent."""
    if region not in wiring.regions:
        raise Refused(f"no database in {region!r}", next_step=f"regions: {', '.join(wiring.regions)}")
    if token.epoch < 1:
        raise Refused(f"{token.operation} has no lease, so it moves no database", next_step="open an operation")
    wiring.admin(region)


def fence(wiring: Wiring, region: str, token: Token, *, graceful: bool) -> Fence:
    """See :meth:`~tidegate.drivers.database.contract.Database.fence`. Longest flight: what a clean stop takes, and the
    switch's answer."""
    check(wiring, region, token)
    if graceful:
        position = _position(wiring, region, token)
        try:
            wiring.control(region).stop()
            return Fence(region, "stopped", position, f"{region}'s control says that PostgreSQL ended and is off")
        except (Unreachable, OutcomeUnknown) as silent:
            return _by_power(wiring, region, f"{silent.message}; ")
    return _by_power(wiring, region, "")


def fenced(wiring: Wiring, region: str) -> Fence | None:
    """See :meth:`~tidegate.drivers.database.contract.Database.fenced`. The switch is asked first: it answers when the
    region does not."""
    with contextlib.suppress(EffectError):
        power = wiring.power(region)
        if power is not None and power.look().dead:
            return Fence(region, "power", None, f"the switch says that {power.outlet} is off and nothing of it is left")
    with contextlib.suppress(EffectError):
        if wiring.control(region).stopped():
            return Fence(region, "stopped", None, f"{region}'s control says that PostgreSQL is off")
    return None


def promote(wiring: Wiring, region: str, token: Token) -> None:
    """See :meth:`~tidegate.drivers.database.contract.Database.promote_database`. The call itself waits for nothing:
    that the server takes writes is seen by writing, which it does long before ``pg_promote`` would say so."""
    check(wiring, region, token)
    answers = wiring.ask()
    others = [r for r, a in answers.items() if r != region and a.state.role == "primary"]
    if others:
        raise Refused(f"the database in {others[0]} is a primary still", next_step="fence it first")
    admin, role = wiring.admin(region), answers[region].state.role
    if role == "unreachable":
        role = _start_standby(wiring, region, answers[region].state.why)
    _admin.asked(admin, f"{region} was made ready", lambda c: _make_ready(c, wiring, token))
    if role == "standby":
        _ask_promotion(admin, region)
    _until_it_writes(wiring, region)
    _admin.asked(
        *(admin, f"{region} was promoted, its epoch not noted"),
        lambda c: _admin.hold_epoch(c, wiring.service, wiring.owner(region), token),
    )


def reprotect(wiring: Wiring, region: str, token: Token) -> str:
    """See :meth:`~tidegate.drivers.database.contract.Database.reprotect`. Each call is short; the region's own program
    may take as long as copying everything takes."""
    check(wiring, region, token)
    states = wiring.observe()
    if states[region].role == "primary":
        raise Refused(f"the database in {region} is a primary", next_step="fence it first")
    source = the_primary({r: s for r, s in states.items() if r != region})
    hold_epoch(wiring, source, token)
    if states[region].streaming and states[region].timeline == states[source].timeline:
        return f"{region} follows {source} already"
    power, control = wiring.power(region), wiring.control(region)
    if power is not None and not power.look().on:
        power.on()
    control.await_answer(BOOT_SECONDS)
    control.rest()
    how = control.make_ready(REJOIN_SECONDS)
    control.start()
    _until_it_streams(wiring, region, source)
    return how


def hold_epoch(wiring: Wiring, region: str, token: Token) -> None:
    """On the primary in ``region``. Raises ``LeaseLost``."""
    admin, owner = wiring.admin(region), wiring.owner(region)
    _admin.asked(admin, "the epoch was not noted", lambda c: _admin.hold_epoch(c, wiring.service, owner, token))


def turn(connection: object, setting: str, value: str | None) -> None:
    """Change one setting of the server and have it read. None: as its own files say."""
    from psycopg import sql

    named = sql.Identifier(setting)
    to = (
        sql.SQL("RESET {}").format(named) if value is None else sql.SQL("SET {} = {}").format(named, sql.Literal(value))
    )
    connection.execute(sql.SQL("ALTER SYSTEM ") + to)  # type: ignore[attr-defined]
    connection.execute("SELECT pg_reload_conf()")  # type: ignore[attr-defined]


def _named(what: str, given: Mapping[str, str], region: str) -> str:
    if region not in given:
        raise Refused(
            f"no {what} connection for the database in {region!r}, so it cannot be moved",
            next_step=f"give drivers.database.{what} one connection per region",
        )
    return given[region]


def _make_ready(connection: object, wiring: Wiring, token: Token) -> None:
    """What a copy of the old primary was told: to take no writes, or to wait for somebody."""
    _admin.look_epoch(connection, wiring.service, token)
    for setting in ("default_transaction_read_only", "synchronous_standby_names"):
        turn(connection, setting, None)


def _start_standby(wiring: Wiring, region: str, why: str) -> str:
    """A switchover that turns back finds its source stopped. Raises ``Unreachable`` if it was not that."""
    control = wiring.control(region)
    if not control.stopped():
        raise Unreachable(f"{region} does not answer: {why}", next_step="see that it runs")
    control.start()
    deadline = time.monotonic() + START_SECONDS
    while (role := wiring.ask()[region].state.role) == "unreachable":
        if time.monotonic() >= deadline:
            raise NotSettled(f"{region} was started and does not answer", next_step="read its log; a retry looks again")
        time.sleep(0.05)
    return role


def _ask_promotion(admin: Credential, region: str) -> None:
    import psycopg

    with _admin.session(admin) as connection:
        try:
            connection.execute(PROMOTE)
        except psycopg.Error as error:
            raise OutcomeUnknown(
                f"{region} was asked to take writes and answered {error.sqlstate or 'nothing'}",
                next_step=f"look at {region}: it may be the primary; promote no other one",
            ) from None


def _until_it_writes(wiring: Wiring, region: str) -> None:
    deadline = time.monotonic() + PROMOTE_SECONDS
    while not wiring.accepts_write(region):
        if time.monotonic() >= deadline:
            raise OutcomeUnknown(
                f"{region} was promoted and took no write within {PROMOTE_SECONDS:.0f} s",
                next_step=f"look at {region} and its log; promote no other one",
            )
        time.sleep(0.01)


def _until_it_streams(wiring: Wiring, region: str, source: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (state := wiring.observe()[region]).streaming or state.role != "standby":
        if time.monotonic() >= deadline:
            raise NotSettled(
                f"{region} was started and does not stream from {source}: {state.why or state.role}",
                next_step="read its log; a retry begins with its files",
            )
        time.sleep(0.05)


def _by_power(wiring: Wiring, region: str, because: str) -> Fence:
    power = wiring.power(region)
    if power is None:
        raise Unreachable(
            f"{because}no power switch is known for {region}, so nothing proves that it takes no writes",
            next_step="give drivers.database.power, or have people sign for the loss",
        )
    power.off()
    return Fence(
        region, "power", None, f"{because}the switch says that {power.outlet} is off and nothing of it is left"
    )


def _position(wiring: Wiring, region: str, token: Token) -> int | None:
    """The primary's last, and the epoch with it. None of a standby, or of one that does not answer."""
    state = wiring.ask()[region].state
    if state.role != "primary":
        return None
    owner = wiring.owner(region)

    def held(connection: Any) -> int:
        _admin.hold_epoch(connection, wiring.service, owner, token)
        return _admin.position(connection)

    return _admin.asked(wiring.admin(region), "the epoch was not noted", held)
