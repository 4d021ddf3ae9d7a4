"""From a verb's name to its module."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from typing import cast

from tidegate.errors import PlanError
from tidegate.steps.contract import Verb

_NOT_VERBS = {
    "contract",
    "registry",
    "record",
    "stable_capacity",
    "due_repairs",
    "schema_range",
    "flag_exposure",
    "admit_flags",
    "region_room",
    "preview_route",
    "admitted",
    "feature",
}


def verbs() -> tuple[str, ...]:
    """Every verb there is, sorted."""
    package = importlib.import_module("tidegate.steps")
    return tuple(sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in _NOT_VERBS))


def verb(name: str) -> Verb:
    """The verb. Raises :class:`PlanError` with the likely one."""
    known = verbs()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        raise PlanError(f"unknown verb {name!r}", next_step=f"did you mean {near[0]!r}?" if near else "")
    return cast(Verb, importlib.import_module(f"tidegate.steps.{name}").VERB)
