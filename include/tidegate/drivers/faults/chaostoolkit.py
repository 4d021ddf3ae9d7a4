"""Chaos Toolkit experiments, as they were written by others: each by ``chaos run`` in a process of its own.

What is run is the file as it is; what it may use (its extensions) is what stands beside ``program``, an installation of
your own. A keeper that outlives the drill ends it in time and has its rollbacks run; if that was killed too, whoever
lifts the fault does so.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from tidegate.drivers.faults import _chaos_process as process
from tidegate.drivers.faults._chaos_run import GRACE, ROLLED_BACK_WITHIN, THEIRS, Order, Run, parse
from tidegate.drivers.faults._chaos_told import told_of
from tidegate.drivers.faults.contract import Fault, FaultKind, Faults, Injected, Told
from tidegate.drivers.site import Site
from tidegate.errors import NotSettled, Refused, Unreachable
from tidegate.redaction import remember

STARTS_WITHIN = 30.0  # seconds
_PASSED_ON = ("HOME", "LANG", "LC_ALL", "PATH", "TZ", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_CONNECTION = "conn://"


class Experiment(BaseModel):
    """``file``: the experiment, JSON or YAML. ``folder``: where it is run, if its paths are not below the site's own
    root. ``configuration``: values for its own ``configuration``. ``environment``: variables that it reads; a value
    ``conn://name`` is that connection's password."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    file: str
    folder: str = "."
    configuration: dict[str, Any] = Field(default_factory=dict)
    environment: dict[Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], str] = Field(
        default_factory=dict
    )


class Settings(BaseModel):
    """``program``: the `chaos` command; a path below the site's root, an absolute one, or a name that is looked for.
    ``experiments``: by name. ``keep``: the folder in which each run's journal stays. ``beside``: the settings of
    another driver of faults, for all the other kinds."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    experiments: Annotated[dict[str, Experiment], Field(min_length=1)]
    program: str = "chaos"
    keep: str = "var/experiments"
    beside: dict[str, Any] | None = None

    @field_validator("beside")
    @classmethod
    def _known(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        """What is wrong with it is said where policies are checked."""
        if value is not None:
            _settings_beside(value)
        return value


class ChaosToolkit:
    """See :class:`~tidegate.drivers.faults.contract.Faults` and ``Experimenting``."""

    def __init__(self, settings: Settings, site: Site, beside: Faults | None) -> None:
        self._settings, self._site, self._beside = settings, site, beside
        self._keepers: list[subprocess.Popen[bytes]] = []  # or nobody would see them end

    def kinds(self) -> frozenset[FaultKind]:
        others = self._beside.kinds() if self._beside else frozenset()
        return others | {FaultKind.EXPERIMENT}

    def missing(self, name: str) -> str:
        one = self._settings.experiments.get(name)
        if one is None:
            near = difflib.get_close_matches(name, self._settings.experiments, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(self._settings.experiments))}"
            return f"there is no experiment {name!r} in drivers.faults.experiments: {hint}"
        if self._program is None:
            return f"{self._settings.program} is no program here: install chaostoolkit, and name it in drivers.faults"
        try:
            parse(self._site.path(one.file))
        except (OSError, ValueError) as error:
            return f"the experiment {name} cannot be read: {error}"
        if not self._site.path(one.folder).is_dir():
            return f"the experiment {name} is to be run in {one.folder}, which is no folder"
        return ""

    def inject(self, which: str, fault: Fault, lasts: float) -> Injected:
        if fault.kind is not FaultKind.EXPERIMENT:
            return self._others(fault).inject(which, fault, lasts)
        run = self._run(which)
        if run.ordered:
            return self._same(run, fault)
        if wrong := self.missing(fault.name):
            raise Refused(wrong, next_step="see drivers.faults in the environment's policy")
        one, now = self._settings.experiments[fault.name], time.time()
        env, file = self._environment(one), self._site.path(one.file)
        folder, hidden = str(self._site.path(one.folder)), self._hidden(one)
        order = Order(which, fault.name, str(self._program), file.name, folder, now, now + lasts, hidden)
        run.write(order, file, one.configuration)
        self._keep(run, env)
        return _injected(run)

    def active(self) -> tuple[Injected, ...]:
        mine = tuple(_injected(run) for run in self._runs() if not run.over)
        return mine + (self._beside.active() if self._beside else ())

    def lift(self, which: str) -> None:
        run = self._run(which)
        if not run.ordered:
            if self._beside:
                self._beside.lift(which)
            return
        keeper = run.keeper
        if not run.over and process.runs(keeper):
            process.end(keeper, GRACE + ROLLED_BACK_WITHIN + process.DIES_WITHIN)
        run.end(self._environment(self._known(run.order.name)))

    def told(self, which: str) -> Told:
        run = self._run(which)
        if not run.ordered:
            raise Refused(f"no experiment was run as {which}", next_step="put it in first")
        return told_of(run, str(run.journal.relative_to(self._site.root.resolve())))

    def ping(self) -> None:
        if self._program is None:
            raise Unreachable(self.missing(next(iter(self._settings.experiments))))
        if self._beside:
            self._beside.ping()

    # What they are made of

    @cached_property
    def _program(self) -> Path | None:
        below = self._site.root / self._settings.program
        found = str(below) if os.access(below, os.X_OK) else shutil.which(self._settings.program)
        return Path(found) if found else None

    def _run(self, which: str) -> Run:
        if not _ID.fullmatch(which):
            raise Refused(f"{which!r} is no id of a fault", next_step="letters, digits, '-', '_' and '.'")
        return Run(self._site.path(self._settings.keep) / which)

    def _runs(self) -> list[Run]:
        folder = self._site.path(self._settings.keep)
        found = [Run(at) for at in sorted(folder.iterdir())] if folder.is_dir() else []
        return [run for run in found if run.ordered]

    def _same(self, run: Run, fault: Fault) -> Injected:
        there = _injected(run)
        if there.fault != fault or run.over:
            raise Refused(f"{run.order.id} is {there.fault} already", next_step="give each fault an id of its own")
        return there

    def _others(self, fault: Fault) -> Faults:
        if self._beside is None:
            raise Refused(
                f"{fault.kind} cannot be had here: {FaultKind.EXPERIMENT}", next_step="name a driver in `beside`"
            )
        return self._beside

    def _known(self, name: str) -> Experiment:
        """One that the policy has no more is ended with an environment of its own that is empty."""
        return self._settings.experiments.get(name) or Experiment(file="")

    def _environment(self, one: Experiment) -> dict[str, str]:
        """Nothing of this process's own but what any program needs. What is resolved is kept out of every text."""
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        if self._program is not None:
            env["PATH"] = f"{self._program.parent}{os.pathsep}{env.get('PATH', os.defpath)}"
        for name, value in one.environment.items():
            if value.startswith(_CONNECTION):
                value = self._site.resolve(value).password or ""
                remember(value)
            env[name] = value
        return env

    def _hidden(self, one: Experiment) -> tuple[str, ...]:
        return tuple(name for name, value in one.environment.items() if value.startswith(_CONNECTION))

    def _keep(self, run: Run, env: Mapping[str, str]) -> None:
        """Raises :class:`NotSettled` if the experiment is not under way in time; it is ended then."""
        argv = [sys.executable, "-m", "tidegate.drivers.faults._chaos_keeper", str(run.at)]
        ours = {**env, "PYTHONPATH": os.pathsep.join(sys.path), THEIRS: env.get("PYTHONPATH", "")}
        keeper = process.start(argv, ours, run.at, run.at / "keeper.log", run.at / "keeper.pid")
        self._keepers = [one for one in self._keepers if one.poll() is None] + [keeper]
        there = process.wait(lambda: run.chaos is not None or keeper.poll() is not None, STARTS_WITHIN)
        if not there or run.chaos is None:
            process.end(run.keeper, 0.0)
            run.end(env)
            raise NotSettled(f"the experiment {run.order.name} was not started", next_step=f"see {run.at.name}")


def _injected(run: Run) -> Injected:
    order = run.order
    return Injected(order.id, Fault(FaultKind.EXPERIMENT, name=order.name), order.since, order.until)


def _settings_beside(options: Mapping[str, Any]) -> BaseModel:
    """Raises ``ValueError`` for a kind that is unknown or this one again, and for settings that are none of its."""
    from tidegate.drivers import registry

    rest = dict(options)
    kind = rest.pop("kind", None)
    if kind is None or kind == "chaostoolkit":
        raise ValueError("name another kind of faults: beside: {kind: agent, at: …}")
    try:
        return registry.load("faults", str(kind)).Settings(**rest)
    except Refused as error:
        raise ValueError(f"{error.message}: {error.next_step}") from error


def connect(settings: Settings, site: Site) -> ChaosToolkit:
    """Nothing is started yet."""
    from tidegate.drivers import registry

    beside = registry.connect("faults", settings.beside, site) if settings.beside else None
    return ChaosToolkit(settings, site, beside)
