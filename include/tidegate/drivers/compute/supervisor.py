"""Supervisor as compute: each region's supervisord runs the instances of the region's two slots.

Supervisor holds no token; the slot's own file does, compared under the slot's lock, which is kept until the change is
made. Longest flight of ``apply``: the wait for the lock (30 s), for instances to end (``stop_seconds`` + 5) and about
ten calls of at most 7 s each. Effects that were made are lines in ``<slots>/effects.log``; supervisor's own log
(``spawned:``) is the witness that does not depend on us.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers._files import replace
from tidegate.drivers._supervisor_rpc import ALIVE, Process, Supervisor
from tidegate.drivers._world import refuse_stale
from tidegate.drivers.compute._asking import ask as _ask
from tidegate.drivers.compute._dropping import drop
from tidegate.drivers.compute._programs import Program, render
from tidegate.drivers.compute._singletons import RegionControl, SupervisorSingletons
from tidegate.drivers.compute._slot import Order, SlotDirectory, files_digest
from tidegate.drivers.compute.contract import InstanceState, SlotSpec, SlotState, unsealed
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Unseal, no_secrets
from tidegate.errors import OutcomeUnknown, Refused, Unreachable
from tidegate.model.topology import Arm, Slot


class Settings(BaseModel):
    """``slots``: directory of the slots' files. ``regions``: each region's connection to its supervisord, with
    ``ports_a``, ``ports_b``, ``conf`` and ``environment_file`` in its extras, and ``ports_p`` if it can show previews.
    ``stop_seconds``: how long an instance may take to end its requests; more than the router's longest request.
    ``singletons``: job -> the command that starts it, with ``{python}`` for this Python; see :mod:`._singletons`.
    ``variables``: what the names of the variables begin with by which an instance is told where it is, like
    ``SHOP_REGION``; by default the service's name. Where another service's releases run, theirs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slots: str
    regions: dict[str, str]
    stop_seconds: int = Field(default=20, ge=1, le=300)
    singletons: dict[str, str] = {}
    variables: str = Field(default="", pattern=r"^([A-Z][A-Z0-9_]*)?$")


def connect(settings: Settings, site: Site) -> SupervisorCompute:
    """The driver. Nothing is sent yet. Raises ``Refused`` naming the connection or the extra that is missing."""
    regions = {name: _control(site.resolve(reference), site) for name, reference in settings.regions.items()}
    return SupervisorCompute(settings, site, regions)


def _control(credential: Credential, site: Site) -> RegionControl:
    extra = credential.extra
    missing = [name for name in ("ports_a", "ports_b", "conf", "environment_file") if not extra.get(name)]
    if missing:
        raise Refused(f"connection {credential.name!r} lacks {', '.join(missing)}", next_step="add it to its extras")
    ports = {s.value: tuple(map(int, filter(None, str(extra.get(f"ports_{s}") or "").split(",")))) for s in Slot}
    conf, environment = site.path(extra["conf"]), site.path(extra["environment_file"])
    return RegionControl(Supervisor(credential), credential.host, ports, conf, environment)


class SupervisorCompute(SupervisorSingletons):
    """The contract of ``compute`` on one supervisord per region."""

    def __init__(self, settings: Settings, site: Site, regions: Mapping[str, RegionControl]) -> None:
        self._settings, self._site, self._regions = settings, site, regions
        self._slots = site.path(settings.slots)
        self._variable = settings.variables or site.service.upper().replace("-", "_")

    def ping(self, region: str) -> None:
        self._region(region).supervisor.ping()

    def clock(self, region: str) -> float:
        return self._region(region).supervisor.clock()

    def observe(self, arm: Arm) -> SlotState:
        alive = [p for p in self._processes(arm).values() if p.state in ALIVE]
        instances = tuple(self._instance(arm, process.name) for process in sorted(alive, key=lambda p: p.name))
        return SlotState(arm, SlotDirectory(self._slots, arm).order().version, instances)

    def settled(self, arm: Arm, desired: SlotSpec) -> bool:
        return self.observe(arm).matches(desired)

    def apply(
        self, arm: Arm, desired: SlotSpec, token: Token, fetch: Callable[[], Path], unseal: Unseal = no_secrets
    ) -> None:
        """See the contract. Raises ``NotSettled`` if an instance does not end in time."""
        region, slot = self._region(arm.region), SlotDirectory(self._slots, arm)
        order = _order(desired, token)
        if order.instances > len(region.ports[arm.slot]):
            raise Refused(f"slot {arm} has {len(region.ports[arm.slot])} ports, {order.instances} instances are wanted")
        region.supervisor.ping()  # nothing is written for a region that cannot be told
        with slot.writing(token):
            refuse_stale(f"slot {arm}", slot.order().epoch, token.epoch, token.operation)
            unpacked = _unpack(slot, order, fetch)
            _seal(slot, desired, order, unseal)
            slot.take(order)
            self._configure(arm, slot, order)
            try:
                self._converge(arm, slot, order, token, unpacked)
            except Unreachable as lost:
                raise OutcomeUnknown(f"{lost.message}; the change of slot {arm} had begun") from lost
            slot.forget_others(order.digest)

    def _configure(self, arm: Arm, slot: SlotDirectory, order: Order) -> None:
        """Write the slot's part of the region's configuration, if it is not so already."""
        file = self._region(arm.region).conf / f"{self._site.service}-{arm.name}.conf"
        logs = self._slots / "logs"
        logs.mkdir(exist_ok=True)
        text = "".join(
            render(self._program(arm, slot, order, i, logs), self._settings.stop_seconds)
            for i in range(order.instances)
        )
        if not text:
            file.unlink(missing_ok=True)
        elif not file.exists() or file.read_text() != text:
            replace(file, text, mode=0o600)

    def _program(self, arm: Arm, slot: SlotDirectory, order: Order, index: int, logs: Path) -> Program:
        region, variable = self._region(arm.region), self._variable
        file = slot.secrets_file(order.digest or "")
        sealed = (
            (f"{variable}_SECRETS_FILE={file}",) if order.secrets else ()
        )  # its name; what it holds never goes here
        return Program(
            name=self._name(arm, index),
            directory=slot.instance(order.digest or "", index),
            port=region.ports[arm.slot][index],
            environment=region.environment,
            told=(f"{variable}_REGION={arm.region}", f"{variable}_SLOT={arm.slot}", *sealed),
            logs=logs,
        )

    def _converge(self, arm: Arm, slot: SlotDirectory, order: Order, token: Token, unpacked: Collection[int]) -> None:
        supervisor = self._region(arm.region).supervisor
        _, changed, _ = supervisor.reread()
        wanted = [self._name(arm, index) for index in range(order.instances)]
        running = self._processes(arm)
        surplus = running.keys() - wanted
        stale = {name for name in running if name in changed or self._index(arm, name) in unpacked}
        wrong = {n for n, p in running.items() if n not in surplus | stale and self._runs_another(arm, p, order)}
        self._drop(arm, surplus | stale | wrong, lambda name: slot.note(token, time.time(), "stop", name))
        left = self._processes(arm)
        for name in wanted:
            if name not in left:
                supervisor.add(name)
            elif left[name].state in ("STOPPED", "FATAL"):
                supervisor.start(name)
            else:
                continue
            slot.note(token, time.time(), "start", name)

    def _drop(self, arm: Arm, names: Collection[str], note: Callable[[str], None]) -> None:
        """Stop and forget ``names``, all at once, each in its own time."""
        supervisor, within = self._region(arm.region).supervisor, self._settings.stop_seconds + 5
        drop(supervisor, lambda: self._processes(arm), names, note, within=within, where=f"slot {arm}")

    def _runs_another(self, arm: Arm, process: Process, order: Order) -> bool:
        """Whether it *says* that it runs something else; one that says nothing may be starting."""
        if process.state not in ALIVE:
            return False
        said = self._instance(arm, process.name)
        return said.digest is not None and (said.digest, said.secrets) != (order.digest, order.secrets)

    def _instance(self, arm: Arm, name: str) -> InstanceState:
        region, index = self._region(arm.region), self._index(arm, name)
        ports = region.ports[arm.slot]
        answer = _ask(region.host, ports[index]) if index < len(ports) else None
        said = answer or {}
        digest, secrets = said.get("digest"), said.get("secrets", "")
        return InstanceState(
            name,
            digest if isinstance(digest, str) else None,
            answer is not None,
            secrets if isinstance(secrets, str) else "?",
        )

    def _processes(self, arm: Arm) -> Mapping[str, Process]:
        found = self._region(arm.region).supervisor.processes(self._name(arm, ""))
        return {name: process for name, process in found.items() if re.fullmatch(r"\d+", self._suffix(arm, name))}

    def _name(self, arm: Arm, index: int | str) -> str:
        return f"{self._site.service}-{arm.name}-{index}"

    def _suffix(self, arm: Arm, name: str) -> str:
        return name.removeprefix(self._name(arm, ""))

    def _index(self, arm: Arm, name: str) -> int:
        return int(self._suffix(arm, name))


def _order(desired: SlotSpec, token: Token) -> Order:
    release = desired.release
    if release is None or not desired.instances:
        return Order(token.epoch, token.operation)
    held = release.secrets_digest
    return Order(token.epoch, token.operation, release.version, release.digest, desired.instances, held)


def _seal(slot: SlotDirectory, desired: SlotSpec, order: Order, unseal: Unseal) -> None:
    """See that the slot holds the release's secrets."""
    release = desired.release
    if release is not None and order.digest and order.secrets and not slot.holds(order.digest, order.secrets):
        slot.seal(order.digest, unsealed(release, unseal))


def _unpack(slot: SlotDirectory, order: Order, fetch: Callable[[], Path]) -> set[int]:
    """Give every instance its files. Returns the indexes whose files had to be put there (anew)."""
    if order.digest is None:
        return set()
    directories = {index: slot.instance(order.digest, index) for index in range(order.instances)}
    needed = {i for i, path in directories.items() if not path.is_dir() or files_digest(path) != order.digest}
    source = fetch() if needed else None
    for index in needed:
        assert source is not None
        slot.unpack(source, order.digest, index)
    return needed
