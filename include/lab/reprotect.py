"""``python -m lab.reprotect CONFIG``: a region's stopped PostgreSQL is made ready to follow the other region's.

A program of the region's own supervisor: it works on the region's files, and reaches the other region through the lab
link only. Rewound where the histories have parted, copied anew where that cannot be. The last line that it prints says
which. It starts no server: what does makes a standby of it (:mod:`lab.outlets`).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from lab import outlets, postgres
from lab.places import Places
from lab.postgres import Cluster
from lab.postgres_user import install
from lab.secret_values import Secrets
from tidegate.errors import Refused, Rejected, TidegateError

_NOT_NEEDED = "no rewind required"


def reprotect(cluster: Cluster, source_port: int, secrets: Secrets) -> str:
    """Returns the way in words. Raises ``Refused`` while the server runs or has no power, ``Rejected``."""
    data = cluster.installation.data
    with outlets.alone(cluster.region, data, within=2.0) as nobody:
        if not nobody:
            raise Refused(f"PostgreSQL runs in {cluster.region}", next_step="stop it first")
        if not outlets.has_power(cluster.region, data):
            raise Refused(f"PostgreSQL in {cluster.region} has no power", next_step="switch it on first")
        (cluster.data / "postmaster.pid").unlink(missing_ok=True)  # a killed server's; its number may be another's now
        _keep_log(cluster, source_port, secrets)
        try:
            how = _rewind(cluster, source_port, secrets)
        except Rejected as refused:
            print(refused.message, flush=True)
            postgres.copy(cluster, source_port, secrets)
            how = f"{cluster.region} was built anew"
        _make_own(cluster, source_port, secrets)
    return how


def _rewind(cluster: Cluster, source_port: int, secrets: Secrets) -> str:
    """The mark of a standby is in the way of the recovery that a rewind may have to begin with."""
    (cluster.data / "standby.signal").unlink(missing_ok=True)
    said = postgres.rewind(cluster, source_port, secrets)
    return f"{cluster.region} goes on from where it was" if _NOT_NEEDED in said else f"{cluster.region} was rewound"


def _make_own(cluster: Cluster, source_port: int, secrets: Secrets) -> None:
    """What came from the other region with its files is this region's again; nobody follows a standby."""
    for slot in (cluster.data / "pg_replslot").iterdir():
        shutil.rmtree(slot)
    postgres.follow(cluster, source_port, secrets)
    postgres.name(cluster)


def _keep_log(cluster: Cluster, source_port: int, secrets: Secrets) -> None:
    """The primary keeps what this region has not got yet, from now on; a slot that has lost something is of no use."""
    with postgres.connect(cluster.url(secrets, "replicator", "postgres", source_port)) as primary:
        found = primary.execute(
            "select wal_status = 'lost' from pg_replication_slots where slot_name = %s", (cluster.region,)
        ).fetchone()
        if found == (True,):
            primary.execute("select pg_drop_replication_slot(%s)", (cluster.region,))
        if found != (False,):
            primary.execute("select pg_create_physical_replication_slot(%s, true)", (cluster.region,))


def main() -> int:
    config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    cluster = Cluster(config["region"], config["port"], install(Places(Path(config["home"]))))
    try:
        print(reprotect(cluster, config["source_port"], Secrets(config["secrets"])), flush=True)
    except TidegateError as error:
        print(str(error).replace("\n", " | "), flush=True)  # the last line says how it ended
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
