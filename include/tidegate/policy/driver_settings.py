"""The ``drivers:`` part, checked by the drivers themselves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

from pydantic import BaseModel, ValidationError

from tidegate.drivers import registry
from tidegate.errors import PolicyError, Refused
from tidegate.policy.explain import from_problems, from_pydantic
from tidegate.policy.likely import likely
from tidegate.policy.problem import Loc, Problem
from tidegate.policy.strings import setting_problems
from tidegate.policy.tree import MapNode, Scalar, plain

SettingsOf = Callable[[str, str], type[BaseModel]]
"""(family, kind) -> the driver's Settings. Raises :class:`Refused` with the likely kind."""


def settings_of(family: str, kind: str) -> type[BaseModel]:
    """From the registry: Tidegate's own drivers and third parties'. Imports the driver's module, never its SDK."""
    return registry.load(family, kind).Settings


def driver_errors(root: MapNode, file: str, lookup: SettingsOf = settings_of) -> Iterator[PolicyError]:
    """All that is wrong with the drivers' settings. What the schema itself refuses is left to the schema."""
    drivers = _map(root, "drivers")
    for family in registry.FAMILIES + registry.OPTIONAL:
        options = _map(drivers, family)
        if options is None:
            continue
        at: Loc = ("drivers", family)
        yield from from_problems(setting_problems(options, at), root, file)
        yield from from_problems(_regions(root, options, at), root, file)
        kind = options.items.get("kind")
        if kind and isinstance(kind[1], Scalar) and isinstance(kind[1].value, str):
            yield from _settings(root, options, family, kind[1].value, file, lookup)


def _map(node: MapNode | None, key: str) -> MapNode | None:
    found = node.items.get(key) if node else None
    return found[1] if found and isinstance(found[1], MapNode) else None


def _settings(
    root: MapNode, options: MapNode, family: str, kind: str, file: str, lookup: SettingsOf
) -> Iterator[PolicyError]:
    at: Loc = ("drivers", family)
    try:
        model = lookup(family, kind)
    except Refused as error:
        yield from from_problems([Problem(error.message, (*at, "kind"), error.next_step)], root, file)
        return
    except Exception as error:  # whatever a driver's module raises as it is imported is that driver's fault
        message = f"the {family} driver {kind!r} cannot be loaded: {type(error).__name__}: {error}"
        hint = "install what it needs, or correct it"
        yield from from_problems([Problem(message, (*at, "kind"), hint)], root, file)
        return
    given = {key: plain(value) for key, (_, value) in options.items.items() if key != "kind"}
    try:
        model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        yield from from_pydantic(error, model, root, file, at)


def _regions(root: MapNode, options: MapNode, at: Loc) -> Iterator[Problem]:
    """A driver that is told of regions is told of every region, and of no other."""
    given, known = _map(options, "regions"), _map(root, "regions")
    if given is None or known is None:
        return
    for region in given.items:
        if region not in known.items:
            hint = likely(region, known.items)
            yield Problem(f"there is no region {region!r}", (*at, "regions", region), hint, key=True)
    for region in known.items:
        if region not in given.items:
            yield Problem(f"the region {region!r} is missing", (*at, "regions"), key=True)
