"""A region without power: everything in it is killed at once, and comes back when the power does."""

from __future__ import annotations

import time

from lab import connections, postgres, processes, regions, state, supervision
from lab.databases import PROGRAM, READY_WITHIN
from lab.estate import Lab
from tidegate.errors import NotSettled

_ANSWERS_WITHIN = 20.0  # seconds, of a supervisor
_SERVES_WITHIN = 60.0  # seconds until the region's instances run again


def cut(lab: Lab, region: str) -> None:
    """Kill every process of the region: supervisor, instances and database. Returns when none is left."""
    processes.kill(lab.session(region))


def restore(lab: Lab, region: str) -> None:
    """Start what the region was running; nothing if it has power. Its slots are as they were, its standby goes on from
    where it was."""
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
    control = lab.control(region)
    control.await_answer(_ANSWERS_WITHIN)
    control.start(PROGRAM)
    postgres.await_role(lab.databases().cluster(region), site.secrets, standby=True, within=READY_WITHIN)
    _await_instances(lab, region)


def _await_instances(lab: Lab, region: str) -> None:
    deadline = time.monotonic() + _SERVES_WITHIN
    while set(lab.control(region).states().values()) != {"RUNNING"}:
        if time.monotonic() >= deadline:
            raise NotSettled(f"{region} has power again, but not all of it runs: {lab.control(region).states()}")
        time.sleep(0.2)
