"""Jobs of which one at most runs in the whole service, on one supervisord per region: part of the driver
``supervisor``.

A job's program bears its epoch in its name, so that what runs is read from supervisor itself. Who told a region last,
and under which epoch, stands in ``<slots>/singletons/<region>-<job>.json``. The program is told ``<SERVICE>_EPOCH`` and
``<SERVICE>_SINGLETON``, and whatever the region's environment file holds. A region that comes back starts it as it was:
so it has to take its epoch in the database, and to end with exit status 76 where it finds a newer one.
"""

from __future__ import annotations

import contextlib
import difflib
import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers._files import append_line, locked, replace
from tidegate.drivers._supervisor_rpc import GONE, Process, Supervisor
from tidegate.drivers._world import refuse_stale
from tidegate.drivers.compute._dropping import drop
from tidegate.drivers.compute._programs import Program, render_singleton
from tidegate.drivers.compute._slot import LOCK_SECONDS
from tidegate.drivers.compute.contract import SingletonState
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import OutcomeUnknown, Refused, Unreachable


@dataclass(frozen=True)
class RegionControl:
    """What is known of one region. ``host``: supervisord's, where its instances listen as well. ``ports``: slot -> port
    of each instance, in order."""

    supervisor: Supervisor
    host: str
    ports: Mapping[str, tuple[int, ...]]
    conf: Path
    environment: Path


class SupervisorSingletons:
    """The contract's verbs. ``_settings``: those of the driver."""

    _settings: Any
    _site: Site
    _variable: str
    _regions: Mapping[str, RegionControl]
    _slots: Path

    def singleton(self, region: str, name: str) -> SingletonState:
        self._command(name)
        runs = {e: p for e, p in self._epochs(region, name).items() if p.state not in GONE}
        epoch = min(runs, default=None)
        return SingletonState(region, name, epoch, len(runs) == 1 and runs[min(runs)].state == "RUNNING")

    def start_singleton(self, region: str, name: str, token: Token) -> None:
        self._converge_singleton(region, name, token, self._command(name))

    def stop_singleton(self, region: str, name: str, token: Token) -> None:
        self._command(name)
        self._converge_singleton(region, name, token, None)

    def _converge_singleton(self, region: str, name: str, token: Token, command: str | None) -> None:
        """``command`` None: it is not to run. One of another epoch has ended before this one begins."""
        supervisor = self._region(region).supervisor
        supervisor.ping()  # nothing is written for a region that cannot be told
        with self._told(region, name, token):
            self._configure_singleton(region, name, token, command)
            try:
                supervisor.reread()
                present = self._epochs(region, name)
                self._end(region, name, token, [e for e in present if command is None or e != token.epoch])
                if command is not None:
                    self._begin(region, name, token, present.get(token.epoch))
            except Unreachable as lost:
                raise OutcomeUnknown(f"{lost.message}; the change of {name} in {region} had begun") from lost

    @contextlib.contextmanager
    def _told(self, region: str, name: str, token: Token) -> Iterator[None]:
        """Hold the job's lock in the region; its epoch is the token's from here on. Raises ``LeaseLost``."""
        home = self._slots / "singletons"
        home.mkdir(parents=True, exist_ok=True)
        file = home / f"{region}-{name}.json"
        with locked(file.with_suffix(".lock"), LOCK_SECONDS, token):
            held = _epoch_in(file)
            refuse_stale(f"{name} in {region}", held, token.epoch, token.operation)
            replace(file, json.dumps({"epoch": token.epoch, "operation": token.operation}))
            yield

    def _configure_singleton(self, region: str, name: str, token: Token, command: str | None) -> None:
        file = self._region(region).conf / f"{self._prefix(name)}.conf"
        if command is None:
            file.unlink(missing_ok=True)
            return
        logs, variable = self._slots / "logs", self._variable
        logs.mkdir(exist_ok=True)
        told = (f"{variable}_REGION={region}", f"{variable}_SINGLETON={name}", f"{variable}_EPOCH={token.epoch}")
        environment = self._region(region).environment
        program = Program(self._group(name, token.epoch), self._slots / "singletons", 0, environment, told, logs)
        replace(file, render_singleton(program, command, self._settings.stop_seconds), mode=0o600)

    def _begin(self, region: str, name: str, token: Token, process: Process | None) -> None:
        supervisor, group = self._region(region).supervisor, self._group(name, token.epoch)
        if process is None:
            supervisor.add(group)
        elif process.state in GONE:
            supervisor.start(group)
        else:
            return
        self._note_singleton(region, token, "start", group)

    def _end(self, region: str, name: str, token: Token, epochs: Collection[int]) -> None:
        groups = {self._group(name, epoch) for epoch in epochs}
        drop(
            self._region(region).supervisor,
            lambda: {self._group(name, epoch): process for epoch, process in self._epochs(region, name).items()},
            groups,
            lambda group: self._note_singleton(region, token, "stop", group),
            within=self._settings.stop_seconds + 5,
            where=region,
        )

    def _note_singleton(self, region: str, token: Token, verb: str, group: str) -> None:
        who = {"epoch": token.epoch, "operation": token.operation}
        line = {"at": time.time(), "region": region, "verb": verb, "singleton": group} | who
        append_line(self._slots / "singletons" / "effects.log", line)

    def _epochs(self, region: str, name: str) -> dict[int, Process]:
        """Epoch -> the job's program of that epoch, as supervisor knows it."""
        prefix = f"{self._prefix(name)}-"
        found = self._region(region).supervisor.processes(prefix).items()
        return {int(rest): p for group, p in found if re.fullmatch(r"\d+", rest := group.removeprefix(prefix))}

    def _prefix(self, name: str) -> str:
        return f"{self._site.service}-singleton-{name}"

    def _group(self, name: str, epoch: int) -> str:
        return f"{self._prefix(name)}-{epoch}"

    def _command(self, name: str) -> str:
        known: Mapping[str, str] = self._settings.singletons
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"add it to drivers.compute.singletons: {name}: <command>"
            raise Refused(f"the compute driver does not know the singleton {name!r}", next_step=hint)
        return known[name]

    def _region(self, name: str) -> RegionControl:
        if name not in self._regions:
            near = difflib.get_close_matches(name, self._regions, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"regions: {', '.join(self._regions)}"
            raise Refused(f"no supervisord is known for region {name!r}", next_step=hint)
        return self._regions[name]


def _epoch_in(file: Path) -> int:
    """Raises :class:`Refused` if the file is there and cannot be understood."""
    try:
        return int(json.loads(file.read_text())["epoch"])
    except FileNotFoundError:
        return 0
    except (ValueError, TypeError, KeyError) as wrong:
        raise Refused(f"{file} does not say which epoch wrote it", next_step="look at it; move it away") from wrong
