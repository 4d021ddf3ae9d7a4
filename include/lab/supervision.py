"""The supervisor of the third place: edge, links, journal witness and Airflow, each a program of its own.

Regions have supervisors of their own (:mod:`lab.regions`), so that losing a region takes nothing from here. Programs
are written with ``autostart`` off and started one by one as what they need becomes ready; once started, a program that
ends is started again.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import sys
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.ports import ADDRESS
from tidegate.errors import NotSettled, Rejected, Unreachable

_ALREADY_STARTED, _NOT_RUNNING = 60, 70  # supervisor's fault codes
STOP_SECONDS = 8


@dataclass(frozen=True)
class Program:
    """One supervised program. ``env_files``: files of shell assignments that it starts with, so that no secret stands
    in a supervisor's configuration or in an argv. ``account``: whom it runs as, None for whoever runs the lab.
    ``once``: it is left alone when it ends. ``gives_up_with``: the exit status after which it is, all others not."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    env_files: Sequence[Path] = ()
    stop_signal: str = "TERM"
    stop_seconds: int = STOP_SECONDS
    stop_group: bool = True
    account: str | None = None
    directory: Path | None = None
    once: bool = False
    gives_up_with: int | None = None

    def section(self, logs: Path) -> str:
        """Its section of a supervisor's configuration."""
        lines = {
            "command": _escape(shlex.join(self._argv())),
            "autostart": "false",
            "autorestart": "false" if self.once else "true" if self.gives_up_with is None else "unexpected",
            "startsecs": "0",
            "stopsignal": self.stop_signal,
            "stopwaitsecs": str(self.stop_seconds),
            "stopasgroup": str(self.stop_group).lower(),
            "killasgroup": str(self.stop_group).lower(),
            "redirect_stderr": "true",
            "stdout_logfile": _escape(str(logs / f"{self.name}.log")),
            "stdout_logfile_maxbytes": "20MB",
            "stdout_logfile_backups": "1",
        }
        if self.gives_up_with is not None:
            lines["exitcodes"] = str(self.gives_up_with)
        if self.env:
            lines["environment"] = ",".join(f'{k}="{_escape(v)}"' for k, v in self.env.items())
        if self.account:
            lines["user"] = self.account
        if self.directory:
            lines["directory"] = _escape(str(self.directory))
        return f"[program:{self.name}]\n" + "".join(f"{k} = {v}\n" for k, v in lines.items())

    def _argv(self) -> list[str]:
        if not self.env_files:
            return list(self.command)
        sources = "".join(f". {shlex.quote(str(path))}; " for path in self.env_files)
        return ["/bin/sh", "-c", f"set -a; {sources}set +a; exec {shlex.join(self.command)}"]


def configuration(port: int, password: str, directory: Path, programs: Sequence[Program], logs: Path) -> str:
    """A whole supervisord.conf, answering on loopback ``port`` for the user ``lab``."""
    user = "user = root\n" if os.geteuid() == 0 else ""
    hashed = hashlib.sha1(password.encode()).hexdigest()  # noqa: S324 - the one form supervisor knows
    return (
        f"[inet_http_server]\nport = {ADDRESS}:{port}\nusername = lab\npassword = {{SHA}}{hashed}\n\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n\n"
        f"[supervisord]\nnodaemon = true\n{user}logfile = {_escape(str(logs / 'supervisor.log'))}\n"
        f"pidfile = {_escape(str(directory / 'supervisor.pid'))}\nchildlogdir = {_escape(str(logs))}\n"
        "logfile_maxbytes = 5MB\nlogfile_backups = 1\nminfds = 1024\n\n"
    ) + "\n".join(program.section(logs) for program in programs)


def argv(config: Path) -> list[str]:
    """The supervisor's own command line, in the foreground."""
    return [sys.executable, "-m", "supervisor.supervisord", "-n", "-c", str(config)]


def minimal_environment() -> dict[str, str]:
    """What every process of the lab may inherit: no secret, nothing of the caller's session."""
    kept = ("HOME", "PATH", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "TIDEGATE_LAB_ADDRESS")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/", "PYTHONUNBUFFERED": "1", **env}


@dataclass(frozen=True)
class Control:
    """One supervisor's XML-RPC interface."""

    port: int
    password: str = field(repr=False)
    user: str = "lab"

    def await_answer(self, within: float) -> None:
        """Return once it answers. Raises :class:`Unreachable`."""
        deadline = time.monotonic() + within
        while True:
            try:
                self._server().supervisor.getState()
                return
            except (OSError, xmlrpc.client.Error) as error:
                if time.monotonic() >= deadline:
                    raise Unreachable(f"the supervisor on port {self.port} does not answer: {error}") from error
                time.sleep(0.05)

    def start(self, name: str) -> None:
        """Start a program; one that runs is left alone. Raises :class:`Rejected` with the supervisor's reason."""
        self._call(name, "startProcess", _ALREADY_STARTED)

    def stop(self, name: str) -> None:
        """Stop a program and wait until it has; one that does not run is left alone."""
        self._call(name, "stopProcess", _NOT_RUNNING)

    def states(self) -> dict[str, str]:
        """Every program's state, by name: RUNNING, STOPPED, BACKOFF … Raises :class:`Unreachable`."""
        found = self._ask("getAllProcessInfo")
        return {str(info["name"]): str(info["statename"]) for info in found}

    def pid(self, name: str) -> int:
        """The program's pid. Raises :class:`NotSettled` if it is not running."""
        pid = int(self._ask("getProcessInfo", name)["pid"])
        if not pid:
            raise NotSettled(f"{name} is not running", next_step="make status")
        return pid

    def _call(self, name: str, method: str, harmless: int) -> None:
        try:
            self._ask(method, name)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != harmless:
                raise Rejected(f"supervisor: {method} {name}: {fault.faultString}") from None

    def _ask(self, method: str, *arguments: str) -> Any:
        try:
            return getattr(self._server().supervisor, method)(*arguments)
        except OSError as error:
            raise Unreachable(f"the supervisor on port {self.port} does not answer: {error}") from error

    def _server(self) -> xmlrpc.client.ServerProxy:
        return xmlrpc.client.ServerProxy(f"http://{self.user}:{self.password}@{ADDRESS}:{self.port}/RPC2")


def _escape(text: str) -> str:
    return text.replace("%", "%%")
