"""A region's supervisord over XML-RPC, with time limits and our errors.

Supervisor cannot hold a token: what protects a slot is the epoch in its own file, and these time limits.
"""

from __future__ import annotations

import base64
import http.client
import xmlrpc.client
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drivers.credentials import Credential
from tidegate.errors import OutcomeUnknown, Rejected, Unreachable

CONNECT_SECONDS, READ_SECONDS = 2.0, 5.0
# Fault codes of supervisor.xmlrpc.Faults
SHUTDOWN, ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED, STILL_RUNNING = 6, 60, 70, 90, 91
ALIVE = ("STARTING", "RUNNING")
GONE = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")


class _NotSentError(Exception):
    """The connection could not be made."""


class _Connection(http.client.HTTPConnection):
    """Tells "could not connect" from "connected, and then"."""

    def connect(self) -> None:
        try:
            super().connect()
        except OSError as wrong:
            raise _NotSentError(str(wrong)) from wrong
        self.sock.settimeout(READ_SECONDS)


class _Transport(xmlrpc.client.Transport):
    """One connection per call, sent once: the standard library's own transport silently sends a second time."""

    def make_connection(self, host: Any) -> http.client.HTTPConnection:
        return _Connection(host, timeout=CONNECT_SECONDS)

    def request(self, host: Any, handler: str, request_body: Any, verbose: bool = False) -> Any:
        return self.single_request(host, handler, request_body, verbose)


@dataclass(frozen=True)
class Process:
    """One instance as supervisor sees it. ``state``: its name for it (RUNNING, BACKOFF, …). ``exit_status``: with which
    it ended last; -1 if it was killed. ``started``: whether this supervisor ever started it."""

    name: str
    state: str
    pid: int
    exit_status: int = 0
    started: bool = True


class Supervisor:
    """Raises :class:`Unreachable` (not sent), :class:`OutcomeUnknown` (sent, not answered), :class:`Rejected`."""

    def __init__(self, credential: Credential) -> None:
        self._credential = credential
        login = f"{credential.login or ''}:{credential.password or ''}"
        self._headers = [("Authorization", "Basic " + base64.b64encode(login.encode()).decode())]

    def processes(self, prefix: str) -> Mapping[str, Process]:
        """Instances whose group starts with ``prefix``, by group name."""
        rows = self._ask("getAllProcessInfo")
        found = (
            Process(row["group"], row["statename"], row["pid"], row["exitstatus"], row["start"] > 0) for row in rows
        )
        return {process.name: process for process in found if process.name.startswith(prefix)}

    def reread(self) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
        """Read the configuration again, changing nothing yet. Names of groups: added, changed, removed."""
        added, changed, removed = self._call("reloadConfig")[0]
        return frozenset(added), frozenset(changed), frozenset(removed)

    def add(self, name: str) -> None:
        """Take a configured group up and start it."""
        self._call("addProcessGroup", name, tolerate=ALREADY_ADDED)

    def remove(self, name: str) -> None:
        """Forget a group that has stopped; one that has been started again meanwhile is left, to be stopped again."""
        self._call("removeProcessGroup", name, tolerate=STILL_RUNNING)

    def start(self, name: str) -> None:
        self._call("startProcess", f"{name}:{name}", False, tolerate=ALREADY_STARTED)

    def stop(self, name: str) -> None:
        """Ask it to end; its ``stopwaitsecs`` bounds how long it may take."""
        self._call("stopProcess", f"{name}:{name}", False, tolerate=NOT_RUNNING)

    def last_words(self, name: str, characters: int = 2000) -> str:
        """The end of what it has printed."""
        return str(self._ask("readProcessStdoutLog", f"{name}:{name}", -characters, 0))

    def clock(self) -> float:
        """Its machine's time, epoch seconds, to the second. ``Rejected`` where it runs nothing that would say."""
        times = [row["now"] for row in self._ask("getAllProcessInfo")]
        if not times:
            raise Rejected(f"supervisord at {self._credential.address} has no program, and so tells no time")
        return float(max(times))

    def ping(self) -> None:
        self._ask("getState")

    def _ask(self, method: str, *arguments: Any) -> Any:
        """A question: without an answer nothing has changed all the same."""
        try:
            return self._call(method, *arguments)
        except OutcomeUnknown as silent:
            raise Unreachable(silent.message, next_step="see whether supervisord is stopped or overloaded") from silent

    def _call(self, method: str, *arguments: Any, tolerate: int | None = None) -> Any:
        c = self._credential
        uri = f"http://{c.host}:{c.port}/{c.path or 'RPC2'}"  # without the login, which errors would print
        proxy = xmlrpc.client.ServerProxy(uri, transport=_Transport(headers=self._headers))
        try:
            with proxy:
                return getattr(proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != tolerate:
                raise self._fault(method, arguments, fault) from None
        except _NotSentError as wrong:
            raise Unreachable(
                f"supervisord at {c.address} does not answer ({wrong})",
                next_step=f"see whether it runs and conn://{c.name} names its port",
            ) from wrong
        except xmlrpc.client.ProtocolError as wrong:
            raise Rejected(f"supervisord at {c.address} answered {wrong.errcode} to {method}: {wrong.errmsg}") from None
        except (OSError, http.client.HTTPException, xmlrpc.client.Error) as wrong:
            raise OutcomeUnknown(
                f"supervisord at {c.address} was sent {method} and has not answered ({type(wrong).__name__})",
                next_step="observe the slot",
            ) from wrong
        return None

    def _fault(self, method: str, arguments: tuple[Any, ...], fault: xmlrpc.client.Fault) -> Exception:
        said = f"supervisord at {self._credential.address} refused {method}{arguments}: {fault.faultString}"
        return Unreachable(said, next_step="it is stopping") if fault.faultCode == SHUTDOWN else Rejected(said)
