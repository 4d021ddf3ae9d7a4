"""One start of the lab: what does not depend on each other starts at once; waits are for conditions, never for time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from typing import Any

from lab import (
    children,
    connections,
    journal_file,
    postgres_user,
    processes,
    regions,
    releases,
    state,
    supervision,
    third_place,
)
from lab.airflow import COMPONENTS, AirflowSite
from lab.airflow_api import AirflowApi
from lab.databases import Databases
from lab.deployment import BASELINE, SERVICE, Deployment, sample_policy
from lab.places import REGIONS
from lab.ports import ADDRESS
from lab.progress import Progress
from lab.readiness import airflow_ready, edge_ready
from lab.supervision import Control
from lab.together import Together
from tidegate.errors import Refused

_ANSWERS_WITHIN = 20.0  # seconds, of a supervisor


class Start:
    """``site``: laid out, with ports and secrets chosen. ``expected``: DAGs that must have been parsed. ``service``: by
    which name what runs here is known."""

    def __init__(
        self,
        site: AirflowSite,
        progress: Progress,
        *,
        airflow: bool,
        expected: Collection[str],
        journal: bool = True,
        service: str = SERVICE,
    ) -> None:
        self._site, self._places, self._progress = site, site.places, progress
        self._airflow, self._journal, self._expected = airflow, journal, expected
        self._state = state.State(self._places.state, airflow=airflow)
        self._policy = sample_policy(service)
        self._gate = threading.Lock()

    def run(self) -> None:
        """Start everything; returns when users are served and Airflow is ready."""
        children.resume()
        self._state.set_phase("starting")
        policy = self._policy
        config = third_place.lay_out(self._site, policy.shares, self._airflow)
        self._supervisor(third_place.NAME, supervision.argv(config))
        work = Together()
        if self._airflow:
            work.start(self._start_airflow)
        if self._journal:
            work.start(self._start_journal)
        self._start_shop(Deployment(self._places, connections.environment(self._site), policy), work)
        work.join()
        edge_ready(f"http://{ADDRESS}:{self._site.ports['edge']}", BASELINE)
        if policy.failover is not None and self._journal:
            self._start_third(third_place.VANTAGE)
        if policy.backups is not None and self._journal:
            self._start_third(third_place.BACKUPS)
        self._state.set_phase("up")
        self._progress.say("the lab is up")

    def run_databases(self) -> None:
        """Start both regions' databases, the links and the power switch alone; returns when the standby streams."""
        children.resume()
        self._supervisor(
            third_place.NAME, supervision.argv(third_place.lay_out(self._site, self._policy.shares, False))
        )
        work = Together()
        self._start_databases(work, work.start(partial(self._start_third, "links", "switch")))
        work.join()
        self._state.set_phase("up")

    def give_up(self) -> None:
        """Nothing more is started from here on, by no thread of this start."""
        with self._gate:
            children.give_up()

    def _start_airflow(self) -> None:
        self._site.lay_out()
        third = self._control(third_place.NAME)
        for program in ("reaper", *(f"airflow-{component}" for component in COMPONENTS)):
            third.start(program)
        with AirflowApi(self._site.address, "admin", self._site.secrets["person-admin"]) as api:
            airflow_ready(api, self._expected, self._progress)

    def _start_journal(self) -> None:
        journal_file.create(self._places)
        self._control(third_place.NAME).start(journal_file.WITNESS)

    def _start_shop(self, deployment: Deployment, work: Together) -> None:
        built = work.start(lambda: releases.build(self._places.releases, self._places.lab / "builders"))
        linked = work.start(
            partial(
                self._start_third, "links", "switch", third_place.PAYMENTS, "edge", third_place.NAMES, third_place.CACHE
            )
        )
        ready = (*self._start_databases(work, linked), linked, built)
        for name in REGIONS:
            work.start(self._told(f"{BASELINE} runs in {name}", partial(deployment.fill, regions=[name])), *ready)
        if deployment.policy.singletons:
            work.start(partial(self._start_third, third_place.INBOX), linked)
            work.start(partial(deployment.start_singletons, REGIONS[0]), *ready)

    def _start_databases(self, work: Together, linked: Future[Any]) -> tuple[Future[Any], Future[Any]]:
        """What instances of the shop wait for: a primary, and the second region's supervisor."""
        data = databases(self._site)
        created = work.start(data.create_primary)
        east, west = (work.start(partial(self._start_region, data, name), created) for name in REGIONS)
        primary = work.start(self._told("PostgreSQL east takes writes", data.start_primary), east)
        standby = self._told("PostgreSQL west streams from east", data.start_standby)
        work.start(standby, primary, west, linked)
        return primary, west

    def _start_third(self, *programs: str) -> None:
        third = self._control(third_place.NAME)
        for program in programs:
            third.start(program)

    def _start_region(self, data: Databases, name: str) -> None:
        site = self._site
        region = connections.region(name, self._places, site.ports, site.secrets)
        regions.write(region)
        variables = connections.shop_environment(name, self._places, site.ports, site.secrets)
        regions.write_environment(connections.shop_environment_file(region), variables)
        data.configure(name, region.slots_conf, self._places.logs)
        self._supervisor(name, regions.command(region))
        self._control(name)

    def _control(self, place: str) -> Control:
        found = control(self._site, place)
        found.await_answer(_ANSWERS_WITHIN)
        return found

    def _supervisor(self, name: str, argv: list[str]) -> None:
        with self._gate:
            if children.given_up():
                raise Refused(f"{name} was not started: the start was given up")
            processes.start_session(
                argv,
                env=supervision.minimal_environment(),
                log=self._places.logs / f"{name}-supervisor.log",
                record=lambda session: self._state.add(name, session),
                directory=self._places.lab,
            )

    def _told(self, done: str, work: Callable[[], None]) -> Callable[[], None]:
        def body() -> None:
            work()
            self._progress.say(done)

        return body


def control(site: AirflowSite, place: str) -> Control:
    """The supervisor of the third place or of a region."""
    name = "supervisor" if place == third_place.NAME else f"{place}-supervisor"
    return Control(site.ports[name], site.secrets[name])


def databases(site: AirflowSite) -> Databases:
    """Both regions' PostgreSQL."""
    installation = postgres_user.install(site.places)
    return Databases(site.places, site.ports, site.secrets, installation, lambda region: control(site, region))
