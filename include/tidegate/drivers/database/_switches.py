"""What stands beside a region's database: the control that starts and stops it, and the power switch outside.

The switch speaks HTTP: ``GET`` of the outlet (the connection's path, below ``/outlets/``) answers with ``on`` and with
how many ``processes`` are left, ``PUT`` with ``{"on": false}`` or ``true`` turns it and answers when that is done; the
connection's password is its bearer token.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tidegate.drivers._supervisor_rpc import ALIVE, GONE, Process, Supervisor
from tidegate.drivers.credentials import Credential
from tidegate.errors import EffectError, NotSettled, OutcomeUnknown, Rejected, Unreachable
from tidegate.telemetry.context import headers

PROGRAM, REPROTECT = "postgres", "reprotect"
CONNECT_SECONDS, ANSWER_SECONDS = 2.0, 10.0
STOP_SECONDS = 15.0  # for a clean stop; the control itself kills sooner or later, and then it was none
_BETWEEN = 0.02


class Control:
    """A region's supervisor. Its program ``postgres`` starts the server as a standby, whatever it was before."""

    def __init__(self, region: str, credential: Credential) -> None:
        self._region, self._supervisor = region, Supervisor(credential)

    def stopped(self) -> bool:
        """Whether it has itself started the server and seen it end cleanly. One that was killed may have left parts
        that still write, and of one that was never started from here nothing is known. Raises as the supervisor."""
        process = self._process(PROGRAM)
        return process.state in GONE and process.state != "UNKNOWN" and process.started and process.exit_status >= 0

    def knows_programs(self) -> None:
        """Raises ``Rejected`` naming a program that it does not have, and as the supervisor."""
        for name in (PROGRAM, REPROTECT):
            self._process(name)

    def stop(self) -> None:
        """Stop the server cleanly. Raises ``NotSettled`` if it has not ended so in time."""
        self.rest()
        if not self.stopped():
            raise NotSettled(f"PostgreSQL in {self._region} has not ended cleanly", next_step="fence it by power")

    def rest(self) -> None:
        """It does not run, however it ended."""
        if self._process(PROGRAM).state not in GONE:
            self._supervisor.stop(PROGRAM)
            self._await(PROGRAM, lambda process: process.state in GONE, STOP_SECONDS)

    def start(self) -> None:
        self._supervisor.start(PROGRAM)

    def make_ready(self, within: float) -> str:
        """Run ``reprotect`` to its end, or wait for the one that runs. Its last line. Raises ``NotSettled``."""
        if self._process(REPROTECT).state not in ALIVE:
            self._supervisor.start(REPROTECT)
        ended = self._await(REPROTECT, lambda process: process.state in GONE, within)
        last = self._supervisor.last_words(REPROTECT).strip().splitlines()[-1:] or ["it said nothing"]
        if ended.exit_status:
            raise NotSettled(f"{self._region} was not made a standby: {last[0]}", next_step="mend it, then retry")
        return last[0]

    def await_answer(self, within: float) -> None:
        deadline = time.monotonic() + within
        while True:
            with contextlib.suppress(EffectError):
                return self._supervisor.ping()
            if time.monotonic() >= deadline:
                raise Unreachable(f"the control of {self._region} does not answer", next_step="start the region")
            time.sleep(_BETWEEN)

    def _await(self, name: str, condition: Callable[[Process], bool], within: float) -> Process:
        deadline = time.monotonic() + within
        while not condition(process := self._process(name)):
            if time.monotonic() >= deadline:
                raise NotSettled(
                    f"{name} in {self._region} is {process.state} after {within:.0f} s", next_step="look at its log"
                )
            time.sleep(_BETWEEN)
        return process

    def _process(self, name: str) -> Process:
        found = self._supervisor.processes(name).get(name)
        if found is None:
            raise Rejected(f"the control of {self._region} knows no program {name!r}", next_step="give it one")
        return found


@dataclass(frozen=True)
class Outlet:
    """As the switch says. ``processes``: what is left of what hangs on it."""

    on: bool
    processes: int

    @property
    def dead(self) -> bool:
        return not self.on and not self.processes


class Power:
    """One region's outlet. Raises ``Unreachable`` (not sent), ``OutcomeUnknown`` (sent, not answered), ``Rejected``.
    The switch can hold no epoch: a call is on its way for :data:`ANSWER_SECONDS` at most."""

    def __init__(self, region: str, credential: Credential) -> None:
        self._region, self._credential = region, credential

    @property
    def outlet(self) -> str:
        """What hangs on it is the switch's business: a database alone, or a region."""
        return f"the outlet {self._credential.path or 'without a name'} of {self._region}"

    def look(self) -> Outlet:
        try:
            return self._call("GET", None)
        except OutcomeUnknown as silent:
            raise Unreachable(silent.message, next_step="see that the switch runs") from None

    def off(self) -> Outlet:
        """Raises ``NotSettled`` if something is left."""
        found = self._call("PUT", {"on": False})
        if not found.dead:
            raise NotSettled(
                f"{found.processes} processes of {self._region} are left though its power is off",
                next_step="fence it again; there is no proof yet",
            )
        return found

    def on(self) -> None:
        self._call("PUT", {"on": True})

    def _call(self, method: str, body: dict[str, bool] | None) -> Outlet:
        where = f"the power switch of {self._region}"
        connection = http.client.HTTPConnection(self._credential.host, self._credential.port, timeout=CONNECT_SECONDS)
        with contextlib.closing(connection):
            try:
                connection.connect()
            except OSError as wrong:
                raise Unreachable(f"{where} does not answer ({wrong})", next_step="see that it runs") from None
            connection.sock.settimeout(ANSWER_SECONDS)
            try:
                status, answer = self._exchange(connection, method, body)
            except (OSError, http.client.HTTPException) as wrong:
                raise OutcomeUnknown(
                    f"{where} was asked and has not answered ({type(wrong).__name__})", next_step="look at it"
                ) from None
        return _outlet(where, status, answer)

    def _exchange(self, connection: http.client.HTTPConnection, method: str, body: Any) -> tuple[int, bytes]:
        sent = headers() | {
            "authorization": f"Bearer {self._credential.password or ''}",
            "content-type": "application/json",
        }
        text = None if body is None else json.dumps(body)
        connection.request(method, f"/outlets/{self._credential.path}", text, sent)
        response = connection.getresponse()
        return response.status, response.read()


def _outlet(where: str, status: int, answer: bytes) -> Outlet:
    """What is not said in so many words is no proof: a switch that answers oddly says nothing."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        said = json.loads(answer)
        if status == 200 and isinstance(said["on"], bool) and isinstance(said["processes"], int):
            return Outlet(said["on"], said["processes"])
    raise Rejected(f"{where} answered {status}: {answer[:120].decode(errors='replace')}", next_step="see its log")
