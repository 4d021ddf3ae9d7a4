"""What can be broken in the lab, and how each comes back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab import outlets, power, processes
from lab.agent import disk, sight
from lab.airflow import COMPONENTS
from lab.databases import PROGRAM
from lab.estate import Lab
from lab.links import LinkControl
from lab.places import REGIONS
from lab.ports import LINKS
from lab.third_place import PAYMENTS, the_edge
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.errors import NotSettled, Refused

_AIRFLOW = tuple(f"airflow-{component}" for component in COMPONENTS)
_DIALS = {FaultKind.ERRORS: "checkout_failures", FaultKind.SLOW: "slow_tail"}
_REPLICATION = tuple(name for name in LINKS if name.endswith("-replication"))


@dataclass(frozen=True)
class Broken:
    """How one kind is put in, and taken back. Both converge: done twice is done once."""

    put_in: Callable[[Fault], None]
    take_back: Callable[[Fault], None]


class Breaking:
    """``lab``: what is broken. ``airflow``: the lab whose Airflow carries the operations out."""

    def __init__(self, lab: Lab, airflow: Lab) -> None:
        self._lab, self._airflow = lab, airflow
        self.kinds: Mapping[FaultKind, Broken] = {
            FaultKind.REGION_DEAD: Broken(
                lambda f: power.cut(lab, _region(f)), lambda f: power.restore(lab, _region(f))
            ),
            FaultKind.DATABASE_DEAD: Broken(self._kill_database, self._start_database),
            FaultKind.INSTANCE_DEAD: Broken(self._stop_instance, self._start_instances),
            FaultKind.INSTANCE_STOPPED: Broken(self._freeze_instance, lambda f: power.thaw(lab, _region(f))),
            FaultKind.ERRORS: Broken(self._dial, self._undial),
            FaultKind.SLOW: Broken(self._dial, self._undial),
            FaultKind.PARTITION: Broken(lambda f: self._links(cut=True), lambda f: self._links(cut=False)),
            FaultKind.REPLICATION_LAG: Broken(
                lambda f: self._links(_REPLICATION, delay=f.degree), lambda f: self._links(_REPLICATION, delay=0.0)
            ),
            FaultKind.DISK_FULL: Broken(lambda f: disk.fill(lab.databases(), _region(f)), self._free_disk),
            FaultKind.METRICS_BLIND: Broken(lambda f: sight.hide(self._log()), lambda f: sight.show(self._log())),
            FaultKind.FLAGS_AWAY: Broken(self._hide_flags, self._show_flags),
            FaultKind.DEPENDENCY_SLOW: Broken(self._freeze_payments, self._thaw_payments),
            FaultKind.AIRFLOW_DEAD: Broken(self._kill_airflow, self._start_airflow),
        }

    # A region's parts

    def _kill_database(self, fault: Fault) -> None:
        """By its own control first, or that would start it again."""
        region = _region(fault)
        self._lab.control(region).stop(PROGRAM)
        processes.kill_working_in(self._lab.databases().cluster(region).data, PROGRAM)

    def _start_database(self, fault: Fault) -> None:
        """As a standby, as everything here that is started; one whose power was taken waits for a reprotect."""
        region = _region(fault)
        if outlets.has_power(region, self._lab.databases().installation.data):
            self._lab.control(region).start(PROGRAM)

    def _free_disk(self, fault: Fault) -> None:
        """A server that it has ended comes back, as a standby."""
        disk.free(self._lab.databases(), _region(fault))
        self._start_database(fault)

    def _instances(self, region: str) -> Iterator[str]:
        states = self._lab.control(region).states()
        return (name for name in sorted(states) if name.startswith("shop-") and "-singleton-" not in name)

    def _stop_instance(self, fault: Fault) -> None:
        control, running = self._lab.control(_region(fault)), list(self._instances(_region(fault)))
        if all(control.states()[name] == "RUNNING" for name in running):
            control.stop(running[0])

    def _start_instances(self, fault: Fault) -> None:
        control = self._lab.control(_region(fault))
        for name in self._instances(_region(fault)):
            if control.states()[name] != "RUNNING":
                control.start(name)

    def _freeze_instance(self, fault: Fault) -> None:
        control = self._lab.control(_region(fault))
        _signal(control.pid(next(self._instances(_region(fault)))), signal.SIGSTOP)

    # What the shop does wrong

    def _dial(self, fault: Fault) -> None:
        if not fault.version:
            raise Refused(f"{fault.kind.value} is of a release: name its version")
        for file in map(self._lab.places.faults, _regions(fault)):
            dials = json.loads(file.read_text()) if file.exists() else {}
            dials.setdefault(fault.version, {})[_DIALS[fault.kind]] = fault.degree
            temporary = file.with_name(f"{file.name}.new")
            temporary.write_text(json.dumps(dials))
            temporary.replace(file)

    def _undial(self, fault: Fault) -> None:
        for file in map(self._lab.places.faults, _regions(fault)):
            dials = json.loads(file.read_text()) if file.exists() else {}
            dials.get(fault.version, {}).pop(_DIALS[fault.kind], None)
            temporary = file.with_name(f"{file.name}.new")
            temporary.write_text(json.dumps(dials))
            temporary.replace(file)

    # What is between and beside the regions

    def _links(self, names: tuple[str, ...] = LINKS, *, cut: bool | None = None, delay: float | None = None) -> None:
        control = LinkControl(self._lab.site().ports["links"])
        for name in names:
            control.set(name, cut=cut, delay=delay)

    def _log(self) -> Path:
        return the_edge(self._lab.places, self._lab.site().ports).access_log

    def _hide_flags(self, fault: Fault) -> None:
        flags = self._lab.places.flags
        with contextlib.suppress(FileNotFoundError):
            flags.rename(flags.with_name(f"{flags.name}.away"))

    def _show_flags(self, fault: Fault) -> None:
        flags = self._lab.places.flags
        with contextlib.suppress(FileNotFoundError):
            flags.with_name(f"{flags.name}.away").rename(flags)

    def _freeze_payments(self, fault: Fault) -> None:
        _signal(self._lab.control().pid(PAYMENTS), signal.SIGSTOP)

    def _thaw_payments(self, fault: Fault) -> None:
        _signal(self._lab.control().pid(PAYMENTS), signal.SIGCONT)

    # Airflow

    def _kill_airflow(self, fault: Fault) -> None:
        control = self._airflow.control()
        for name in [name for name in _AIRFLOW if control.states()[name] == "RUNNING"]:
            for pid in processes.tree(control.pid(name)):
                processes.kill_one(pid)
        for name in _AIRFLOW:
            control.stop(name)  # or its supervisor would start it again at once

    def _start_airflow(self, fault: Fault) -> None:
        control = self._airflow.control()
        for name in _AIRFLOW:
            control.start(name)
        if late := [name for name in _AIRFLOW if control.states()[name] != "RUNNING"]:
            raise NotSettled(f"Airflow was started, but not all of it runs: {', '.join(late)}")


def _region(fault: Fault) -> str:
    if fault.region not in REGIONS:
        raise Refused(f"{fault.kind.value} is of a region: {' or '.join(REGIONS)}, not {fault.region!r}")
    return fault.region


def _regions(fault: Fault) -> tuple[str, ...]:
    return (_region(fault),) if fault.region else REGIONS


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
