"""A service's connected drivers."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.drivers.backups.contract import Backups
from tidegate.drivers.compute.contract import Compute
from tidegate.drivers.database.contract import Database
from tidegate.drivers.faults.contract import Faults
from tidegate.drivers.flags.contract import Flags
from tidegate.drivers.load.contract import Load
from tidegate.drivers.metrics.contract import Metrics
from tidegate.drivers.migrations.contract import Migrations
from tidegate.drivers.site import Site
from tidegate.drivers.traffic.contract import Traffic


@dataclass(frozen=True)
class Estate:
    """One driver per family, for one service. ``flags``, ``migrations``, ``backups``: None where a policy has none;
    ``faults`` and ``load`` where it is not one for drills."""

    site: Site
    traffic: Traffic
    compute: Compute
    metrics: Metrics
    artifacts: Artifacts
    database: Database
    flags: Flags | None = None
    migrations: Migrations | None = None
    backups: Backups | None = None
    faults: Faults | None = None
    load: Load | None = None
