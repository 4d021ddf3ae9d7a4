"""Addresses and secrets as environment variables: what Airflow, the CLI and a person's shell all resolve
``conn://…`` from."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab import journal_file, postgres_user, regions
from lab.airflow import AirflowSite
from lab.places import REGIONS, REPOSITORY, Places
from lab.ports import ADDRESS, SLOTS, Ports
from lab.postgres import DATABASE
from lab.regions import Region
from lab.secret_values import SHOP_SECRETS, Secrets


def region(name: str, places: Places, ports: Ports, secrets: Secrets) -> Region:
    """The region's control plane."""
    port, password = ports[f"{name}-supervisor"], secrets[f"{name}-supervisor"]
    return Region(name, places.region(name), port, "lab", password)


def environment(site: AirflowSite) -> dict[str, str]:
    """Everything, for whoever acts on the lab."""
    places, ports, secrets = site.places, site.ports, site.secrets
    connections = {
        "shop_edge_admin": _json("http", ports["edge-admin"]),
        "shop_names": _json("dns", ports["names"]),
        "shop_cache": _json("http", ports["cache"]),
    }
    for name in REGIONS:
        here = region(name, places, ports, secrets)
        slots = {slot: list(ports.slot(name, slot)) for slot in SLOTS}
        connections[f"shop_{name}"] = regions.connection(here, slots, shop_environment_file(here), places.home)
        connections[f"shop_db_{name}"] = _json(
            "postgres", ports[f"{name}-postgres"], "tidegate", secrets["database-tidegate"], DATABASE
        )
        connections[f"shop_dbadmin_{name}"] = _json(
            "postgres", ports[f"{name}-postgres"], "dbadmin", secrets["database-dbadmin"], DATABASE
        )
        connections[f"shop_replication_{name}"] = _json(
            "postgres", ports[f"{name}-postgres"], "replicator", secrets["database-replicator"], DATABASE
        )
        connections[f"shop_power_{name}"] = _json(
            "http", ports.link(f"third-to-{name}-power"), "switch", secrets["switch"], f"{name}-postgres"
        )
        connections[f"shop_schema_{name}"] = _json(
            "postgres", ports[f"{name}-postgres"], "shop", secrets["database-shop"], DATABASE
        )
    connections["shop_scratch"] = _json(
        "postgres", ports[f"{REGIONS[0]}-postgres"], "scratch", secrets["database-scratch"], "postgres"
    )
    connections["shop_backups"] = json.dumps({"conn_type": "file", "extra": backup_place(places)})
    for entry in SHOP_SECRETS:
        connections[entry] = json.dumps({"conn_type": "generic", "password": secrets[f"shop-{entry}"]})
    return {
        "TIDEGATE_HOME": str(places.home),
        "TIDEGATE_JOURNAL": journal_file.url(places),
        "TIDEGATE_HEADS": str(journal_file.heads(places)),
        **_policies(site.dags),
        "TIDEGATE_LAB_EDGE": f"http://{ADDRESS}:{ports['edge']}",
        **{f"AIRFLOW_CONN_{name.upper()}": value for name, value in connections.items()},
        **site.environment(),
    }


def _policies(dags: Path) -> dict[str, str]:
    """Where the command line finds them, if they do not stand in the repository."""
    own = dags / "policies"
    return {"TIDEGATE_POLICIES": str(own)} if dags != REPOSITORY / "dags" and own.is_dir() else {}


def shop_environment_file(region: Region) -> Any:
    return region.home / "shop.env.json"


def shop_environment(name: str, places: Places, ports: Ports, secrets: Secrets) -> dict[str, str]:
    """What the shop's processes in a region are told. The other region's database is reached through a lab link only;
    whichever of the two takes writes is used, today's primary being asked first."""
    password = secrets["database-shop"]
    direct, across = ports[f"{name}-postgres"], ports.link(f"{name}-to-{other(name)}-db")
    first, second = (direct, across) if name == REGIONS[0] else (across, direct)
    hosts = f"{ADDRESS}:{first},{ADDRESS}:{second}"
    return {
        "SHOP_DB_URL": f"postgresql://shop:{password}@{hosts}/{DATABASE}?target_session_attrs=read-write",
        "SHOP_REGION": name,
        "SHOP_HOST": ADDRESS,
        "SHOP_FAULTS": str(places.faults(name)),
        "SHOP_FLAGS": str(places.flags),
        "SHOP_INBOX": f"http://{ADDRESS}:{ports['inbox']}/messages",
        "SHOP_PAYMENTS": f"http://{ADDRESS}:{ports['to-payments']}",
    }


def backup_place(places: Places) -> dict[str, str]:
    """The third place's, outside both regions. Restored servers lie beside the regions' own, and end with them."""
    account = {"account": postgres_user.ACCOUNT} if os.geteuid() == 0 else {}
    beside, programs = postgres_user.data_directory(places), postgres_user.program_directory(places)
    return {"directory": str(places.lab / "backups"), "programs": str(programs), "beside": str(beside), **account}


def other(region: str) -> str:
    return REGIONS[1 - REGIONS.index(region)]


def as_shell(variables: Mapping[str, str]) -> str:
    """Assignments that a shell can read: ``set -a; . var/lab/env; set +a``."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in variables.items())


def _json(kind: str, port: int, login: str = "", password: str = "", schema: str = "") -> str:
    found = {"conn_type": kind, "host": ADDRESS, "port": port, "login": login, "password": password, "schema": schema}
    return json.dumps({key: value for key, value in found.items() if value})
