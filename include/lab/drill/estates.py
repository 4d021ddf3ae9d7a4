"""Two labs side by side: the shop with Airflow and the journal, and the shop that is broken, with its agent."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from lab import processes, state, supervision
from lab.airflow import AirflowSite
from lab.drill.policies import AGENT, BROKEN, ENVIRONMENT, PERSON
from lab.estate import Lab
from lab.places import Places, write_private
from lab.ports import ADDRESS
from lab.progress import Progress

PERSON_ON_CALL = "cat"  # stands in for whoever is on call
DAGS = tuple(
    f"{verb}__{service}"
    for service in ("shop", ENVIRONMENT)
    for verb in ("promote", "rollback", "failover", "readiness")
)
USERS_LAST = 600.0  # seconds, at most
_CONNECTION = "AIRFLOW_CONN_"


@dataclass
class Estates:
    """``home``: of both. ``dags``: with both policies."""

    home: Path
    dags: Path
    progress: Progress

    def __post_init__(self) -> None:
        self.broken = Lab(Places(self.home / BROKEN.below), self.progress, service=ENVIRONMENT)
        self.shop = Lab(Places(self.home), self.progress, dags=self.dags, expected=DAGS, beside=self._beside)
        self._token = secrets.token_urlsafe(18)

    def up(self) -> None:
        """The one to be broken first: the other's Airflow is told where it is. Whatever fails, nothing is left."""
        try:
            self.broken.up(airflow=False, journal=False)
            self.shop.up()
            self._start_beside()
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Both, and everything beside them."""
        for lab in (self.shop, self.broken):
            lab.down()

    def env(self) -> dict[str, str]:
        """For whoever acts on both."""
        return self.shop.env()

    @contextmanager
    def users(self, which: str) -> Iterator[None]:
        """Some of them, at the one that is to be broken: gates wait for requests."""
        at, shown = f"http://{ADDRESS}:{self.broken.site().ports['agent']}", {"authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=at, headers=shown, timeout=60, trust_env=False) as agent:
            wanted = {"rate": 0, "sessions": 50, "mix": {}, "lasts": USERS_LAST}
            agent.put(f"/loads/{which}", json=wanted).raise_for_status()
            try:
                yield
            finally:
                agent.delete(f"/loads/{which}")

    def _beside(self, site: AirflowSite) -> dict[str, str]:
        """The broken one's connections, by other names, and who stands in for the people on call; what is a secret of
        the shop's itself is the other lab's."""
        address = {"conn_type": "http", "host": ADDRESS, "port": site.ports["airflow-api"]}
        person = {**address, "login": PERSON_ON_CALL, "password": site.secrets[f"person-{PERSON_ON_CALL}"]}
        found = {f"{_CONNECTION}{PERSON.upper()}": json.dumps(person)}
        port = self.broken.site().ports["agent"]
        agent = {"conn_type": "http", "host": ADDRESS, "port": port, "password": self._token}
        found |= BROKEN.variables(self.broken.env())
        return {**found, f"{_CONNECTION}{AGENT.upper()}": json.dumps(agent)}

    def _start_beside(self) -> None:
        """The agent, and what looks at the broken one from outside. All of them end with it."""
        tidegate, places = str(Path(sys.executable).with_name("tidegate")), self.broken.places
        config = places.lab / "agent.json"
        told = {"home": str(places.home), "service": ENVIRONMENT, "airflow": str(self.home), "token": self._token}
        write_private(config, json.dumps({**told, "port": self.broken.site().ports["agent"]}, indent=1))
        self._start("agent", [sys.executable, "-m", "lab.agent", str(config)], supervision.minimal_environment())
        env = {**supervision.minimal_environment(), **self.env()}
        self._start("vantage", [tidegate, "vantage", ENVIRONMENT, "--name", "two"], env)
        self._start("backups", [tidegate, "keep-backups", ENVIRONMENT], env)

    def _start(self, name: str, argv: list[str], env: Mapping[str, str]) -> None:
        kept, places = state.load(self.broken.places.state), self.broken.places
        assert kept is not None, "it is up"
        processes.start_session(
            argv,
            env=env,
            log=places.logs / f"{name}.log",
            record=lambda session: kept.add(name, session),
            directory=places.lab,
        )
