"""The lab as one thing: up, down, back to the start state.

Whatever happens on the way, nothing is left running: a failure, Ctrl-C and `down` all end in :func:`end_everything`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from lab import connections, journal_file, ports, postgres_user, preflight, secret_values, state, third_place
from lab.airflow import AirflowSite
from lab.airflow_api import AirflowApi
from lab.databases import Databases
from lab.deployment import SERVICE, Deployment, sample_policy
from lab.ending import end_everything, wipe
from lab.places import REPOSITORY, Places, here, no_faults, write_private
from lab.ports import ADDRESS
from lab.processes import Session
from lab.progress import Progress
from lab.starting import Start, control, databases
from lab.supervision import Control
from tidegate.errors import Refused

DAGS = ("promote__shop", "rollback__shop", "control__shop", "contract__shop", "readiness__shop")


class Lab:
    """One lab. ``expected``: DAGs that must have been parsed before `up` returns. ``service``: by
    which name its shop is known. ``beside``: more variables for whoever acts on it, once its ports and secrets are
    known."""

    def __init__(
        self,
        places: Places | None = None,
        progress: Progress | None = None,
        *,
        dags: Path = REPOSITORY / "dags",
        plugins: Path = REPOSITORY / "plugins",
        expected: Collection[str] = DAGS,
        service: str = SERVICE,
        beside: Callable[[AirflowSite], Mapping[str, str]] = lambda site: {},
    ) -> None:
        self.places = places or here()
        self.progress = progress or Progress()
        self._dags, self._plugins, self._expected = dags, plugins, expected
        self._service, self._beside = service, beside

    # What is up

    def site(self) -> AirflowSite:
        """Places, ports and secrets of the lab that is up. Raises :class:`Refused` if none is."""
        found = ports.load(self.places.ports)
        return AirflowSite(self.places, found, secret_values.load(self.places.secrets), self._dags, self._plugins)

    def env(self) -> dict[str, str]:
        """The variables of ``var/lab/env``: connections, homes, the journal's address, Airflow's settings."""
        site = self.site()
        return {**connections.environment(site), **self._beside(site)}

    def edge_address(self) -> str:
        """Where the shop's users go."""
        return f"http://{ADDRESS}:{self.site().ports['edge']}"

    def airflow(self, user: str = "admin") -> AirflowApi:
        """Airflow's API as this person."""
        site = self.site()
        return AirflowApi(site.address, user, site.secrets[f"person-{user}"])

    def control(self, place: str = third_place.NAME) -> Control:
        """The supervisor of the third place or of a region."""
        return control(self.site(), place)

    def databases(self) -> Databases:
        return databases(self.site())

    def session(self, place: str) -> Session:
        """The process session of the third place or of a region: what a power switch cuts."""
        found = state.load(self.places.state)
        if found is None or place not in found.sessions:
            raise Refused(f"{place} is not up", next_step="run `make up`")
        return found.sessions[place]

    # Up

    def up(self, airflow: bool = True, journal: bool = True) -> bool:
        """Start everything, or all but Airflow and the journal. False if it was up already; remains of a lab that died
        are ended first."""
        with state.exclusively(self.places, "up"):
            found = state.load(self.places.state)
            if found is not None and found.whole() and (found.airflow or not airflow):
                return False
            preflight.check(self.places)
            end_everything(self.places, self.progress)
            start = Start(
                self._lay_out(airflow),
                self.progress,
                airflow=airflow,
                journal=journal,
                expected=self._expected,
                service=self._service,
            )
            try:
                start.run()
            except BaseException:
                start.give_up()
                end_everything(self.places, self.progress)
                raise
        return True

    def down(self, purge: bool = False) -> None:
        """End everything that was started here; with ``purge``, remove its data as well."""
        with state.exclusively(self.places, "down"):
            end_everything(self.places, self.progress)
            if purge:
                postgres_user.remove(self.places)
                for name in ("airflow", "cache", "journal", "witness"):
                    shutil.rmtree(self.places.home / name, ignore_errors=True)
                wipe(self.places.lab, keep=(self.places.lock.name,))

    def _lay_out(self, airflow: bool) -> AirflowSite:
        wipe(self.places.lab, keep=(self.places.lock.name, "releases", "builders"))
        ports.reserve(self.places.ports)
        secret_values.generate().save(self.places.secrets)
        site = self.site()
        self.places.logs.mkdir(parents=True)
        where = {"TIDEGATE_AIRFLOW_URL": site.address} if airflow else {}  # whom it asks, each person says
        write_private(self.places.env, connections.as_shell({**self.env(), **where}))
        journal_file.put_aside(self.places)
        return site

    # Back to the start

    def reset_data(self, *, fresh_journal: bool = False) -> None:
        """Back to the start state while everything stays up: 1.0.0 in slot a, slot b empty, all routes to a, no
        faults, no orders. The journal is kept, or with ``fresh_journal`` put aside, for which Airflow's triggerer
        and the witness, who have it open, are stopped meanwhile. No operation and no load may be running."""
        with state.exclusively(self.places, "reset"):
            site, policy = self.site(), sample_policy(self._service)
            no_faults(self.places)
            third_place.kept(self.places).forget_all()
            deployment = Deployment(self.places, self.env(), policy)
            deployment.stop_singletons()
            deployment.forget_epochs()
            deployment.fill()
            third_place.start_routes(self.places, site.ports, policy.shares)
            third_place.start_flags(self.places)
            deployment.empty()
            databases(site).empty()
            deployment.start_singletons(databases(site).primary().region)
            if fresh_journal:
                self._change_journal(site)
            self.progress.say("the shop is back in its start state")

    def _change_journal(self, site: AirflowSite) -> None:
        third = control(site, third_place.NAME)
        running = [name for name in ("airflow-triggerer", journal_file.WITNESS) if name in third.states()]
        for name in running:
            third.stop(name)
        journal_file.put_aside(self.places)
        journal_file.create(self.places)
        for name in running:
            third.start(name)
