"""Both regions' PostgreSQL as the lab runs them: supervisors, links and a power switch, with nothing else beside."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from lab import connections, outlets, ports, postgres, power, processes, secret_values
from lab.ending import end_everything
from lab.estate import Lab
from lab.links import LinkControl
from lab.places import Places
from lab.ports import ADDRESS
from lab.postgres_user import remove
from lab.progress import Progress
from lab.starting import Start
from tidegate.drivers import registry
from tidegate.drivers.credentials import Credential, connection_name, parse_connection
from tidegate.drivers.database.postgres import PostgresDatabase
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token


@dataclass
class TwoDatabases:
    """``lab``: up in part."""

    lab: Lab

    def resolve(self, reference: str) -> Credential:
        name = connection_name(reference)
        return parse_connection(name, connections.environment(self.lab.site())[f"AIRFLOW_CONN_{name.upper()}"])

    def driver(self, **changes: Any) -> PostgresDatabase:
        """The driver as the sample policy sets it up."""
        options = {
            "kind": "postgres",
            "regions": {r: f"conn://shop_db_{r}" for r in ("east", "west")},
            "repairs": {r: f"conn://shop_schema_{r}" for r in ("east", "west")},
            "admin": {r: f"conn://shop_dbadmin_{r}" for r in ("east", "west")},
            "control": {r: f"conn://shop_{r}" for r in ("east", "west")},
            "power": {r: f"conn://shop_power_{r}" for r in ("east", "west")},
            **changes,
        }
        site = Site("shop", {"east": 5000, "west": 5000}, (), self.lab.places.home, self.resolve)
        found: PostgresDatabase = registry.connect("database", options, site)
        return found

    def url(self, region: str, role: str = "shop") -> str:
        return self.lab.databases().cluster(region).url(self.lab.site().secrets, role)

    def back_to_start(self) -> None:
        """Whatever a test did: east takes writes, west streams, nobody has noted an epoch or written a row."""
        for link in LinkControl(self.lab.site().ports["links"]).states():
            self.link(link, cut=False)
        for outlet in outlets.outlets():
            self.switch(outlet, on=True)
        driver, token = self.driver(), Token(1_000_000, "back to the start")
        for region in ("east", "west"):
            self.lab.control(region).await_answer(30)
        if not any(state.role == "primary" for state in driver.observe().values()):
            self.lab.control("east").start("postgres")
            postgres.await_role(self.lab.databases().cluster("east"), self.lab.site().secrets, standby=True, within=60)
            driver.promote_database("east", token)
        if driver.observe()["east"].role != "primary":
            driver.reprotect("east", token)
            driver.fence("west", token, graceful=True)
            driver.promote_database("east", token)
        driver.unquiesce("east", token)
        driver.synchronise(None, token)
        driver.reprotect("west", token)
        with psycopg.connect(self.url("east", "postgres"), autocommit=True) as connection:
            connection.execute("drop schema if exists tidegate cascade")
            connection.execute("drop table if exists writes")
            connection.execute("alter role scratch reset default_transaction_read_only")

    def data(self, region: str) -> Path:
        return self.lab.databases().cluster(region).data

    def kill(self, region: str) -> None:
        """Every process of the region, by SIGKILL."""
        power.cut(self.lab, region)

    def kill_control(self, region: str) -> None:
        """The region's supervisor alone."""
        processes.kill_one(self.lab.session(region).pid)
        while processes.leads(self.lab.session(region)):
            time.sleep(0.01)

    def start_region(self, region: str) -> None:
        """The region's supervisor, which starts no database by itself."""
        power.start_region(self.lab, region)
        self.lab.control(region).await_answer(30)

    def switch(self, outlet: str, *, on: bool) -> None:
        site = self.lab.site()
        where = f"http://{ADDRESS}:{site.ports['switch']}/outlets/{outlet}"
        shown = {"authorization": f"Bearer {site.secrets['switch']}"}
        httpx.put(where, json={"on": on}, headers=shown, timeout=20, trust_env=False).raise_for_status()

    def link(self, name: str, *, cut: bool) -> None:
        LinkControl(self.lab.site().ports["links"]).set(name, cut=cut)

    def signal(self, pids: list[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def server_pids(self, region: str) -> list[int]:
        return processes.working_in(self.lab.databases().cluster(region).data, "postgres")


@contextlib.contextmanager
def running() -> Iterator[TwoDatabases]:
    """East takes writes, west streams from it."""
    home = Path(tempfile.mkdtemp(prefix="tidegate-two-"))
    lab = Lab(Places(home))
    try:
        lab.places.lab.mkdir(parents=True)
        ports.reserve(lab.places.ports)
        secret_values.generate().save(lab.places.secrets)
        lab.places.logs.mkdir(parents=True)
        Start(lab.site(), Progress(), airflow=False, expected=(), journal=False).run_databases()
        yield TwoDatabases(lab)
    finally:
        end_everything(lab.places, Progress())
        remove(lab.places)
        shutil.rmtree(home, ignore_errors=True)
