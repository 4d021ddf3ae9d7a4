"""A region without power: everything in it is killed at once, and comes back when the power does."""

from __future__ import annotations

import contextlib
import os
import signal
import time

from lab import connections, outlets, postgres, processes, regions, state, supervision
from lab.databases import PROGRAM, READY_WITHIN, REPROTECT
from lab.estate import Lab
from tidegate.errors import NotSettled

_ANSWERS_WITHIN = 20.0  # seconds, of a supervisor
_SERVES_WITHIN = 60.0  # seconds until the region's instances run again


def cut(lab: Lab, region: str) -> None:
    """Kill every process of the region: supervisor, instances and database. Returns when none is left."""
    processes.kill(lab.session(region))
    processes.kill_working_in(lab.databases().cluster(region).data, PROGRAM)  # they lead sessions of their own


def freeze(lab: Lab, region: str) -> None:
    """Stop every process of the region where it is (SIGSTOP): it keeps its connections and answers nobody."""
    for pid in _everything(lab, region):
        _send(pid, signal.SIGSTOP)


def thaw(lab: Lab, region: str) -> None:
    """Let what is left of a frozen region go on as if nothing had been."""
    for pid in _everything(lab, region):
        _send(pid, signal.SIGCONT)


def _everything(lab: Lab, region: str) -> list[int]:
    servers = processes.working_in(lab.databases().cluster(region).data, PROGRAM)
    return [*processes.members(lab.session(region)), *servers]


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def restore(lab: Lab, region: str) -> None:
    """Start what the region was running; nothing if it has power. Its slots are as they were, its database goes on
    from where it was, as a standby; one that the power switch has off stays so."""
    if processes.leads(lab.session(region)):
        return
    start_region(lab, region)
    lab.control(region).await_answer(_ANSWERS_WITHIN)
    databases = lab.databases()
    if outlets.has_power(region, databases.installation.data):
        lab.control(region).start(PROGRAM)
        postgres.await_role(databases.cluster(region), lab.site().secrets, standby=True, within=READY_WITHIN)
    _await_instances(lab, region)


def start_region(lab: Lab, region: str) -> None:
    """Start the region's supervisor, which starts its instances; nothing if it runs."""
    if processes.leads(lab.session(region)):
        return
    site, places = lab.site(), lab.places
    described = connections.region(region, places, site.ports, site.secrets)
    kept = state.load(places.state)
    assert kept is not None, "a lab that is up has a state"
    processes.start_session(
        regions.command(described),
        env=supervision.minimal_environment(),
        log=places.logs / f"{region}-supervisor.log",
        record=lambda session: kept.add(region, session),
        directory=places.lab,
    )


def _await_instances(lab: Lab, region: str) -> None:
    deadline = time.monotonic() + _SERVES_WITHIN
    while late := _not_running(lab, region):
        if time.monotonic() >= deadline:
            raise NotSettled(f"{region} has power again, but not all of it runs: {', '.join(late)}")
        time.sleep(0.2)


def _not_running(lab: Lab, region: str) -> list[str]:
    states = lab.control(region).states()
    others = (PROGRAM, REPROTECT)  # and of a job that has been replaced meanwhile nothing comes back
    return [n for n, s in states.items() if s != "RUNNING" and n not in others and "-singleton-" not in n]
