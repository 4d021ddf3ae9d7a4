"""One supervisord per region: the region's control plane, and the compute driver's API.

What runs in the region's slots is written by ``tidegate.drivers.compute.supervisor`` into the directory that this
configuration includes; here is only the daemon itself.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab.places import write_private
from lab.ports import ADDRESS

CONF = "supervisord.conf"
SLOTS_CONF = "conf.d"


@dataclass(frozen=True)
class Region:
    """``home``: the region's directory (``var/lab/<region>``). The daemon's API listens on the lab's address only."""

    name: str
    home: Path
    port: int
    user: str
    password: str = field(repr=False)
    host: str = ADDRESS

    @property
    def conf(self) -> Path:
        return self.home / CONF

    @property
    def slots_conf(self) -> Path:
        """Where the compute driver writes: the ``conf`` of the region's connection."""
        return self.home / SLOTS_CONF


def supervisord_conf(region: Region) -> str:
    """The daemon's configuration. The password stands in it as a hash; paths are relative to the file (``%(here)s``),
    so a home with a space in it works too."""
    hashed = hashlib.sha1(region.password.encode()).hexdigest()  # noqa: S324 - the one form supervisor knows
    return f"""\
[supervisord]
nodaemon=true
silent=true
identifier={region.name}
logfile=%(here)s/supervisord.log
logfile_maxbytes=10MB
logfile_backups=3
pidfile=%(here)s/supervisord.pid
childlogdir=%(here)s
umask=077
minfds=1024

[inet_http_server]
port={region.host}:{region.port}
username={region.user}
password={{SHA}}{hashed}

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[include]
files={SLOTS_CONF}/*.conf
"""


def write(region: Region) -> Path:
    """Lay out the region's directory and write its configuration, readable by the owner only. Returns the file."""
    region.slots_conf.mkdir(parents=True, exist_ok=True)
    write_private(region.conf, supervisord_conf(region))
    return region.conf


def write_environment(path: Path, variables: Mapping[str, str]) -> None:
    """The file of environment variables for the region's instances (secrets among them): mode 0600."""
    write_private(path, json.dumps(dict(variables), indent=1))


def command(region: Region) -> list[str]:
    """The command line of the region's daemon, in the foreground. On SIGTERM it ends its instances, then itself."""
    return [sys.executable, "-m", "supervisor.supervisord", "-c", str(region.conf)]


def connection(region: Region, ports: Mapping[str, list[int]], environment: Path, root: Path) -> str:
    """The region's connection in Airflow's JSON form, for ``AIRFLOW_CONN_…``: address, login, and what the compute
    driver must know of the region. ``ports``: slot name -> instance ports. ``root``: TIDEGATE_HOME."""
    extra = {f"ports_{slot}": ",".join(map(str, numbers)) for slot, numbers in ports.items()}
    extra["conf"] = str(region.slots_conf.relative_to(root))
    extra["environment_file"] = str(environment.relative_to(root))
    return json.dumps(
        {
            "conn_type": "http",
            "host": region.host,
            "port": region.port,
            "login": region.user,
            "password": region.password,
            "schema": "RPC2",
            "extra": extra,
        }
    )
