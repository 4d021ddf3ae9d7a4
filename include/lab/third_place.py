"""What stands in neither region: the edge, the links, the power switch, who gets the shop's messages, the journal with
its witness, the databases' backups, and Airflow."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from lab import edge, journal_file, supervision
from lab.airflow import AirflowSite
from lab.cache import Kept
from lab.deployment import sample_policy
from lab.edge import Edge
from lab.egress import Outside
from lab.places import REGIONS, Places, write_private
from lab.ports import ADDRESS, LINKS, POWER_LINKS, SLOTS, Ports
from lab.supervision import Program
from tidegate.drivers.flags.contract import Because
from tidegate.drivers.flags.flagd import FlagdFile
from tidegate.drivers.token import Token
from tidegate.model.topology import Arm, Slot

NAME = "third"
BACKUPS = "backups"  # what keeps the archive of the databases' log, and takes backups
NAMES = "names"  # the name server for the shop's zone
CACHE = "cache"  # keeps the shop's assets, before the edge
INBOX = "inbox"  # gets the messages of the shop's outbox
ORIGIN = "shop.test"
ADDRESSES = {"east": "192.0.2.1", "west": "192.0.2.2"}  # of documentation: nothing in the lab is reached by them
ZONE = f"""\
@ 1 IN SOA ns admin 1 60 60 60 60
@ 1 IN NS ns
ns 1 IN A 192.0.2.53
east.www 1 IN A {ADDRESSES["east"]}
west.www 1 IN A {ADDRESSES["west"]}
"""
PAYMENTS = "payments"  # a dependency: its name in the policy, and of its program
VANTAGE = "vantage"  # the second vantage point; the guard, in Airflow or at a terminal, is the first


def the_edge(places: Places, ports: Ports) -> Edge:
    """The lab's edge: where it listens, and every arm's instances."""
    home = places.lab / "edge"
    arms = [Arm(region, Slot(slot)) for region in REGIONS for slot in SLOTS]
    return Edge(
        port=ports["edge"],
        admin_port=ports["edge-admin"],
        instances={arm: ports.slot(arm.region, arm.slot) for arm in arms},
        routes=home / "routes.yaml",
        access_log=home / "access.log",
        dependencies=_dependencies(ports),
    )


def _dependencies(ports: Ports) -> dict[str, Outside]:
    """Each with the limits that the policy has for it."""
    wanted = sample_policy().dependencies.items()
    return {name: Outside(ports[f"to-{name}"], ports[name], part.limits) for name, part in wanted}


def payments_book(places: Places) -> Path:
    """What payments were taken, one a line."""
    return places.lab / "payments.log"


def lay_out(site: AirflowSite, shares: Mapping[str, int], airflow: bool) -> Path:
    """Write every configuration of the third place. Returns its supervisor's."""
    places, ports, secrets = site.places, site.ports, site.secrets
    the = the_edge(places, ports)
    the.routes.parent.mkdir(parents=True, exist_ok=True)
    edge.write(the, _edge_config(places))
    start_routes(places, ports, shares)
    start_flags(places)
    kept(places).forget_all()
    write_private(zone(places), ZONE)
    write_private(_links_config(places), json.dumps(links(ports), indent=1))
    switch = {"home": str(places.home), "port": ports["switch"], "token": secrets["switch"]}
    write_private(_switch_config(places), json.dumps(switch, indent=1))
    inbox = {"record": str(places.inbox), "port": ports["inbox"]}
    write_private(_inbox_config(places), json.dumps(inbox, indent=1))
    found = programs(site, airflow)
    home = places.lab / NAME
    config = home / "supervisord.conf"
    text = supervision.configuration(ports["supervisor"], secrets["supervisor"], home, found, places.logs)
    write_private(config, text)
    return config


def start_routes(places: Places, ports: Ports, shares: Mapping[str, int]) -> None:
    """Give all weight to slot a, whatever stood in the route file before."""
    the = the_edge(places, ports)
    the.routes.unlink(missing_ok=True)
    edge.initial_routes(the, shares)


def start_flags(places: Places) -> None:
    """No flag at all, and no epoch, whatever stood in the flag file before."""
    driver = FlagdFile(places.flags)
    places.flags.parent.mkdir(parents=True, exist_ok=True)
    driver.last_good.unlink(missing_ok=True)
    places.flags.unlink(missing_ok=True)
    driver.apply({}, Token(0, "lab"), Because("lab", "a fresh start"))


def links(ports: Ports) -> dict[str, object]:
    """The links' configuration. A link's name says from where to where; its last word says what it carries."""
    targets = {name: ports[f"{name.split('-')[2]}-postgres"] for name in LINKS}
    targets |= dict.fromkeys(POWER_LINKS, ports["switch"])
    lines = {name: {"listen": ports.link(name), "target": target} for name, target in targets.items()}
    return {"control": ports["links"], "links": lines}


def programs(site: AirflowSite, airflow: bool) -> list[Program]:
    """The third place's programs, in no particular order: the lab starts each when what it needs is there."""
    places = site.places
    tidegate = str(Path(sys.executable).with_name("tidegate"))
    eyes = Program(VANTAGE, [tidegate, "vantage", "shop", "--name", "two"], env_files=[places.env], stop_seconds=3)
    own = [
        Program("links", [sys.executable, "-m", "lab.links", str(_links_config(places))], stop_seconds=3),
        Program("switch", [sys.executable, "-m", "lab.switch", str(_switch_config(places))], stop_seconds=3),
        Program(INBOX, [sys.executable, "-m", "lab.inbox", str(_inbox_config(places))], stop_seconds=3),
        Program(PAYMENTS, _payments(places, site.ports), stop_seconds=3),
        Program(NAMES, _names(places, site.ports), stop_seconds=3),
        Program(CACHE, _cache(places, site.ports), stop_seconds=3),
        Program("edge", edge.command(_edge_config(places)), stop_seconds=5),
        journal_file.witness(places),
        eyes,
        Program(BACKUPS, [tidegate, "keep-backups", "shop"], env_files=[places.env], stop_seconds=5),
    ]
    if not airflow:
        return own
    reaper = Program("reaper", [sys.executable, "-m", "lab.reaper"], stop_seconds=3)
    return [*own, reaper, *site.programs([places.env])]


def zone(places: Places) -> Path:
    """The shop's zone, read again for every question."""
    return places.lab / "names" / f"{ORIGIN}.zone"


def _names(places: Places, ports: Ports) -> list[str]:
    where = ["--zone", str(zone(places)), "--origin", ORIGIN, "--routes", str(the_edge(places, ports).routes)]
    return [sys.executable, "-m", "lab.name_server", "--port", str(ports["names"]), *where]


def kept(places: Places) -> Kept:
    """What the cache keeps."""
    return Kept(places.lab / CACHE)


def _cache(places: Places, ports: Ports) -> list[str]:
    origin = f"{ADDRESS}:{ports['edge']}"
    where = ["--port", str(ports["cache"]), "--origin", origin, "--keep", str(places.lab / CACHE)]
    return [sys.executable, "-m", "lab.cache", *where]


def _payments(places: Places, ports: Ports) -> list[str]:
    book = str(payments_book(places))
    return [sys.executable, "-m", "lab.payments", "--port", str(ports["payments"]), "--book", book]


def _edge_config(places: Places) -> Path:
    return places.lab / "edge" / "envoy.json"


def _links_config(places: Places) -> Path:
    return places.lab / "links.json"


def _switch_config(places: Places) -> Path:
    return places.lab / "switch.json"


def _inbox_config(places: Places) -> Path:
    return places.lab / "inbox.json"
