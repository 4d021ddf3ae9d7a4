"""The lab as one thing: up, down, back to the start state.

Up starts what does not depend on each other at once, and waits for conditions, never for time. Whatever happens on the
way, nothing is left running: a failure, Ctrl-C and `down` all end in :func:`end_everything`.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from lab import (
    children,
    connections,
    journal_file,
    ports,
    postgres_user,
    preflight,
    processes,
    regions,
    releases,
    secret_values,
    state,
    supervision,
    third_place,
)
from lab.airflow import COMPONENTS, AirflowSite
from lab.airflow_api import AirflowApi
from lab.databases import Databases
from lab.deployment import BASELINE, Deployment, sample_policy
from lab.ending import end_everything, wipe
from lab.places import REGIONS, REPOSITORY, Places, here, write_private
from lab.ports import LOOPBACK
from lab.processes import Session
from lab.progress import Progress
from lab.readiness import airflow_ready, edge_ready
from lab.supervision import Control
from lab.together import Together
from tidegate.errors import Refused

DAGS = ("promote__shop", "rollback__shop")


class Lab:
    """One lab. ``expected``: DAGs that must have been parsed before `up` returns."""

    def __init__(
        self,
        places: Places | None = None,
        progress: Progress | None = None,
        *,
        dags: Path = REPOSITORY / "dags",
        plugins: Path = REPOSITORY / "plugins",
        expected: Collection[str] = DAGS,
    ) -> None:
        self.places = places or here()
        self.progress = progress or Progress()
        self._dags, self._plugins, self._expected = dags, plugins, expected
        self._starting = threading.Lock()

    # What is up

    def site(self) -> AirflowSite:
        """Places, ports and secrets of the lab that is up. Raises :class:`Refused` if none is."""
        found = ports.load(self.places.ports)
        return AirflowSite(self.places, found, secret_values.load(self.places.secrets), self._dags, self._plugins)

    def env(self) -> dict[str, str]:
        """The variables of ``var/lab/env``: connections, homes, the journal's address, Airflow's settings."""
        return connections.environment(self.site())

    def edge_address(self) -> str:
        """Where the shop's users go."""
        return f"http://{LOOPBACK}:{self.site().ports['edge']}"

    def airflow(self, user: str = "admin") -> AirflowApi:
        """Airflow's API as this person."""
        site = self.site()
        return AirflowApi(site.address, user, site.secrets[f"person-{user}"])

    def control(self, place: str = third_place.NAME) -> Control:
        """The supervisor of the third place or of a region."""
        return _control(self.site(), place)

    def databases(self) -> Databases:
        return _databases(self.site())

    def session(self, place: str) -> Session:
        """The process session of the third place or of a region: what a power switch cuts."""
        found = state.load(self.places.state)
        if found is None or place not in found.sessions:
            raise Refused(f"{place} is not up", next_step="run `make up`")
        return found.sessions[place]

    # Up

    def up(self, airflow: bool = True) -> bool:
        """Start everything. False if it was up already; remains of a lab that died are ended first."""
        with state.exclusively(self.places, "up"):
            found = state.load(self.places.state)
            if found is not None and found.whole() and (found.airflow or not airflow):
                return False
            preflight.check(self.places)
            end_everything(self.places, self.progress)
            children.resume()
            try:
                self._up(airflow)
            except BaseException:
                self._give_up()
                raise
        return True

    def down(self, purge: bool = False) -> None:
        """End everything that was started here; with ``purge``, remove its data as well."""
        with state.exclusively(self.places, "down"):
            end_everything(self.places, self.progress)
            if purge:
                postgres_user.remove(self.places)
                for directory in (self.places.airflow, self.places.cache, self.places.home / "journal"):
                    shutil.rmtree(directory, ignore_errors=True)
                wipe(self.places.lab, keep=(self.places.lock.name,))

    def _up(self, airflow: bool) -> None:
        site, policy = self._lay_out(airflow), sample_policy()
        now = state.State(self.places.state, airflow=airflow)
        now.set_phase("starting")
        deployment = Deployment(self.places, self.env(), policy)
        config = third_place.lay_out(site, policy.shares, airflow)
        self._supervisor(now, third_place.NAME, supervision.argv(config))
        work = Together()
        if airflow:
            work.start(lambda: self._start_airflow(site))
        work.start(lambda: journal_file.create(self.places))
        built = work.start(lambda: releases.build(self.places.releases, self.places.lab / "builders"))
        self._start_estate(now, site, deployment, work, built)
        work.join()
        edge_ready(self.edge_address(), BASELINE)
        now.set_phase("up")
        self.progress.say("the lab is up")

    def _lay_out(self, airflow: bool) -> AirflowSite:
        wipe(self.places.lab, keep=(self.places.lock.name, "releases", "builders"))
        ports.choose().save(self.places.ports)
        secret_values.generate().save(self.places.secrets)
        site = self.site()
        self.places.logs.mkdir(parents=True)
        write_private(self.places.env, connections.as_shell(self.env()))
        journal_file.put_aside(self.places)
        return site

    def _start_estate(
        self, now: state.State, site: AirflowSite, deployment: Deployment, work: Together, built: Future[Any]
    ) -> None:
        databases = _databases(site)
        third = _control(site, third_place.NAME)

        def links_and_edge() -> None:
            third.await_answer(20)
            third.start("links")
            third.start("edge")

        def region(name: str) -> Callable[[], None]:
            return lambda: self._start_region(now, site, databases, name)

        linked = work.start(links_and_edge)
        created = work.start(databases.create_primary)
        east, west = (work.start(region(name), created) for name in REGIONS)
        primary = work.start(self._told("PostgreSQL east takes writes", databases.start_primary), east)
        standby = self._told("PostgreSQL west streams from east", databases.start_standby)
        work.start(standby, primary, west, linked)
        for name in REGIONS:
            deploy = self._told(f"{BASELINE} runs in {name}", lambda name=name: deployment.fill(regions=[name]))  # type: ignore[misc]
            work.start(deploy, primary, west, linked, built)

    def _start_region(self, now: state.State, site: AirflowSite, databases: Databases, name: str) -> None:
        region = connections.region(name, self.places, site.ports, site.secrets)
        regions.write(region)
        variables = connections.shop_environment(name, self.places, site.ports, site.secrets)
        regions.write_environment(connections.shop_environment_file(region), variables)
        databases.configure(name, region.slots_conf, self.places.logs)
        self._supervisor(now, name, regions.command(region))
        _control(site, name).await_answer(20)

    def _start_airflow(self, site: AirflowSite) -> None:
        site.lay_out()
        third = _control(site, third_place.NAME)
        third.await_answer(20)
        for program in ("reaper", *(f"airflow-{component}" for component in COMPONENTS)):
            third.start(program)
        with self.airflow() as api:
            airflow_ready(api, self._expected, self.progress)

    def _supervisor(self, now: state.State, name: str, argv: list[str]) -> None:
        with self._starting:  # against a start that is being given up
            if children.given_up():
                raise Refused(f"{name} was not started: the start was given up")
            processes.start_session(
                argv,
                env=supervision.minimal_environment(),
                log=self.places.logs / f"{name}-supervisor.log",
                record=lambda session: now.add(name, session),
                directory=self.places.lab,
            )

    def _told(self, done: str, work: Callable[[], None]) -> Callable[[], None]:
        def body() -> None:
            work()
            self.progress.say(done)

        return body

    def _give_up(self) -> None:
        with self._starting:
            children.give_up()
        end_everything(self.places, self.progress)

    # Back to the start

    def reset_data(self, *, fresh_journal: bool = False) -> None:
        """Back to the start state while everything stays up: 1.0.0 in slot a, slot b empty, all routes to a, no
        faults, no orders. The journal is kept, or with ``fresh_journal`` put aside, for which Airflow's triggerer,
        which has it open, is stopped meanwhile. No operation and no load may be running."""
        with state.exclusively(self.places, "reset"):
            site, policy = self.site(), sample_policy()
            (self.places.lab / "faults.json").unlink(missing_ok=True)
            deployment = Deployment(self.places, self.env(), policy)
            deployment.forget_epochs()
            deployment.fill()
            third_place.start_routes(self.places, site.ports, policy.shares)
            deployment.empty()
            _databases(site).empty()
            if fresh_journal:
                self._change_journal(site)
            self.progress.say("the shop is back in its start state")

    def _change_journal(self, site: AirflowSite) -> None:
        third = _control(site, third_place.NAME)
        with_airflow = "airflow-triggerer" in third.states()
        if with_airflow:
            third.stop("airflow-triggerer")
        journal_file.put_aside(self.places)
        journal_file.create(self.places)
        if with_airflow:
            third.start("airflow-triggerer")


def _control(site: AirflowSite, place: str) -> Control:
    name = "supervisor" if place == third_place.NAME else f"{place}-supervisor"
    return Control(site.ports[name], site.secrets[name])


def _databases(site: AirflowSite) -> Databases:
    installation = postgres_user.install(site.places)
    return Databases(site.places, site.ports, site.secrets, installation, lambda region: _control(site, region))
