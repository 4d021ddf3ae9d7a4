"""From ``kind: envoy`` to a module with ``Settings`` and ``connect``.

A family's own drivers are the modules beside its ``contract.py``; third parties add theirs through the entry-point
group ``tidegate.drivers`` under the name ``<family>.<kind>``. An unknown kind is an error with a suggestion, never a
fallback.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol, cast

from pydantic import BaseModel

from tidegate.drivers.site import Site
from tidegate.errors import Refused

FAMILIES = ("traffic", "compute", "metrics", "artifacts", "database")
OPTIONAL = ("flags", "migrations", "backups", "faults", "load")  # families that a policy may do without
GROUP = "tidegate.drivers"


class DriverModule(Protocol):
    """What a driver's module offers. ``Settings`` forbids unknown keys; ``connect`` does the vendor's import."""

    Settings: type[BaseModel]

    def connect(self, settings: Any, site: Site) -> Any: ...


@cache
def _foreign() -> tuple[EntryPoint, ...]:
    """Third parties' entry points. Cached: a look costs 10 ms, and every DAG parse checks policies."""
    return tuple(entry_points(group=GROUP))


def kinds(family: str) -> tuple[str, ...]:
    """Every kind that the family knows, ours and third parties', sorted."""
    package = importlib.import_module(f"tidegate.drivers.{family}")
    own = {
        m.name for m in pkgutil.iter_modules(package.__path__) if m.name != "contract" and not m.name.startswith("_")
    }
    foreign = {e.name.partition(".")[2] for e in _foreign() if e.name.partition(".")[0] == family}
    return tuple(sorted(own | foreign))


def load(family: str, kind: str) -> DriverModule:
    """The module for ``kind``. Raises :class:`Refused` with the likely kind."""
    known = kinds(family)
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known kinds: {', '.join(known)}"
        raise Refused(f"unknown {family} driver {kind!r}", next_step=hint)
    for entry in _foreign():
        if entry.name == f"{family}.{kind}":
            return cast(DriverModule, entry.load())
    return cast(DriverModule, importlib.import_module(f"tidegate.drivers.{family}.{kind}"))


def connect(family: str, options: Mapping[str, Any], site: Site) -> Any:
    """Build the driver that ``options`` (``kind`` plus its settings) describes."""
    settings = dict(options)
    module = load(family, settings.pop("kind"))
    return module.connect(module.Settings(**settings), site)
