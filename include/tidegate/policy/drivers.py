"""The systems that a service runs on."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tidegate.policy.base import Name, Part


class Driver(BaseModel):
    """The adapter of one family.

    ``kind``: which one; its other keys are the driver's own settings, checked by it.
    """

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: Name


class Drivers(Part):
    """One driver per family; `flags`, `migrations`, `backups`, `faults` and `load` may be left out.

    ``traffic``: weighs the arms. ``compute``: runs releases. ``metrics``: says what users saw. ``artifacts``: has the
    releases and proves them. ``database``: where the data checks read. ``flags``: how many customers are shown new
    behaviour. ``migrations``: changes the database's schema. ``backups``: has copies
    of the data, of times past. ``faults``: breaks this service on purpose: for the environment of drills only.
    ``load``: brings users for a drill, likewise.
    """

    traffic: Driver
    compute: Driver
    metrics: Driver
    artifacts: Driver
    database: Driver
    flags: Driver | None = None
    migrations: Driver | None = None
    backups: Driver | None = None
    faults: Driver | None = None
    load: Driver | None = None
