"""Starting both regions' PostgreSQL, east as primary and west as its streaming standby, and telling who is left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import postgres, schema
from lab.places import REGIONS, Places
from lab.ports import Ports
from lab.postgres import Cluster
from lab.postgres_user import Installation, wheel_programs
from lab.secret_values import Secrets
from lab.supervision import Control, Program

PROGRAM = "postgres"
READY_WITHIN = 30.0
_STOP_SECONDS = 8


@dataclass(frozen=True)
class Databases:
    """``control``: a region's supervisor, by region's name."""

    places: Places
    ports: Ports
    secrets: Secrets
    installation: Installation
    control: Callable[[str], Control]

    def cluster(self, region: str) -> Cluster:
        return Cluster(region, self.ports[f"{region}-postgres"], self.installation)

    def program(self, region: str) -> Program:
        """The server as a program of its region's supervisor. SIGINT: sessions end, data is written, then it stops."""
        return Program(
            name=PROGRAM,
            command=self.cluster(region).command(),
            stop_signal="INT",
            stop_seconds=_STOP_SECONDS,
            stop_group=False,
            account=self.installation.account.name,
        )

    def configure(self, region: str, directory: Path, logs: Path) -> None:
        """Put the program where the region's supervisor reads it. The logs of both regions lie side by side."""
        text = self.program(region).section(logs).replace(f"{PROGRAM}.log", f"{region}-{PROGRAM}.log")
        (directory / f"{PROGRAM}.conf").write_text(text)

    def create_primary(self) -> None:
        postgres.create_primary(self.cluster(REGIONS[0]), self.secrets)
        offer_pg_dump(self.places)

    def start_primary(self) -> None:
        """Start east's server; returns when it takes writes and the shop's tables are there."""
        east = self.cluster(REGIONS[0])
        self.control(REGIONS[0]).start(PROGRAM)
        postgres.await_role(east, self.secrets, standby=False, within=READY_WITHIN, database="postgres")
        postgres.create_roles(east, self.secrets)
        schema.create(east.url(self.secrets, "shop"))

    def start_standby(self) -> None:
        """Copy the primary through the link and start west's server; returns when it streams."""
        east, west = (self.cluster(region) for region in REGIONS)
        postgres.create_standby(west, self.ports.link("west-to-east-replication"), self.secrets)
        self.control(REGIONS[1]).start(PROGRAM)
        postgres.await_role(west, self.secrets, standby=True, within=READY_WITHIN)
        postgres.await_streaming(east, self.secrets, REGIONS[1], READY_WITHIN)

    def empty(self) -> None:
        """Empty the shop's tables on today's primary (east, in the start state), and take migrations back."""
        east = self.cluster(REGIONS[0])
        schema.restore(east.url(self.secrets, "shop"))
        postgres.empty(east, self.secrets)


def offer_pg_dump(places: Places) -> None:
    """Put the wheel's ``pg_dump`` where the shop's policy looks for it."""
    path = places.lab / "bin" / "pg_dump"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec "{wheel_programs() / "pg_dump"}" "$@"\n')
    path.chmod(0o755)
