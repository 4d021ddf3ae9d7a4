"""One policy file -> a checked policy, or all that is wrong with it.

Nothing is fetched and no driver's SDK is imported: this runs whenever Airflow parses a DAG file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tidegate import __version__
from tidegate.errors import PolicyError, PolicyErrors
from tidegate.model.canonical import digest
from tidegate.policy.driver_settings import SettingsOf, driver_errors, settings_of
from tidegate.policy.explain import from_problems, from_pydantic
from tidegate.policy.problem import Problem
from tidegate.policy.schema import VERSION, Policy
from tidegate.policy.source import check_source, read_source
from tidegate.policy.strings import string_problems
from tidegate.policy.tier import filled
from tidegate.policy.tree import REPORTED, MapNode, Scalar, parse_tree, plain


@dataclass(frozen=True)
class Loaded:
    """A usable policy. ``stale``: the file is broken now (``error`` says how) and this is its last good state, kept at
    ``saved_at`` (ISO 8601, UTC)."""

    policy: Policy
    digest: str
    source: str = field(repr=False)
    path: Path
    tree: MapNode = field(repr=False, compare=False)
    stale: bool = False
    error: PolicyError | None = None
    saved_at: str | None = None


def load_policy(path: Path, lookup: SettingsOf = settings_of) -> Loaded:
    """Read and check one file. Raises :class:`PolicyErrors` with all that is wrong, line by line."""
    return parse_policy(read_source(path), path, lookup)


def parse_policy(source: str, path: Path, lookup: SettingsOf = settings_of) -> Loaded:
    """The same for text that has been read. ``path`` names it in errors."""
    file = str(path)
    tree = parse_tree(check_source(source, file), file)
    _raise(_first(from_problems(string_problems(tree), tree, file)))
    _raise(_first(from_problems(_version_problems(tree), tree, file)))
    policy, errors = _validated(tree, file)
    errors.extend(_first(driver_errors(tree, file, lookup)))
    _raise(errors)
    assert policy is not None  # no error, hence a policy
    return Loaded(policy, policy_digest(policy), source, path, tree)


def policy_digest(policy: Policy) -> str:
    """SHA-256 of the policy's canonical JSON. Where the order of keys has a meaning, it is part of what is digested.

    ``roles`` is left out: no plan is made of it, and naming one more operator at night must not hold what runs; nor is
    one of ``break_glass``, which names people's keys, or of ``notify``, which names who is told. So is ``version``,
    which says how the text is read and not what it says: written down or not, the policy is the same. And so is what
    decides only whether an operation may begin: a longer freeze, or a new ``requires``, must not hold what has begun.
    ``tier`` stands in what it gives. What is rehearsed, and by what a service is broken for it, is in no plan either.
    Keys that came later and are not written are left out too, so that what was digested before they were known still
    is what it was.
    """
    begins: Any = {"promotion": {"windows", "fast_track_within"}, "objectives": {"window"}, "requires": True}
    rehearsed: Any = {"drills": True, "drivers": {"faults", "load"}}
    left_out: Any = {"roles": True, "break_glass": True, "version": True, "tier": True, "notify": True}
    left_out |= {**begins, **rehearsed}
    value = policy.model_dump(mode="json", by_alias=True, exclude=left_out)
    if value["failover"] and value["failover"]["admission"] is None:
        del value["failover"]["admission"]
    if value["backups"] and value["backups"]["approval"] is None:
        del value["backups"]["approval"]
    sections = ("failover", "preview", "singletons", "residency", "consistency", "backups", "watch")
    later = [(value, key) for key in sections]
    later += [(value["objectives"], "rto"), (value["objectives"], "rpo"), (value["drivers"], "backups")]
    for part, key in later:
        if part[key] is None:
            del part[key]
    for endpoint in value["endpoints"].values():
        if endpoint["component"] is None:
            del endpoint["component"]
    if not value["dependencies"]:
        del value["dependencies"]
    if value["rollback"]["components"]:
        del value["rollback"]["components"]
    order = {name: list(value[name]) for name in ("regions", "endpoints", "checks")}
    return digest({"policy": value, "order": order})


def _version_problems(tree: MapNode) -> Iterator[Problem]:
    """A policy of the future: said alone, since whatever else is odd about it follows from that."""
    found = tree.items.get("version")
    given = found[1].value if found and isinstance(found[1], Scalar) else None
    if isinstance(given, int) and not isinstance(given, bool) and given > VERSION:
        message = f"this policy is written in version {given} of the format, and Tidegate {__version__} reads {VERSION}"
        hint = f"use a Tidegate that reads version {given}, or write the policy in version {VERSION}"
        yield Problem(message, ("version",), hint)


def _validated(tree: MapNode, file: str) -> tuple[Policy | None, list[PolicyError]]:
    try:
        text = json.dumps(filled(plain(tree)))
        return Policy.model_validate_json(text, strict=True, by_alias=True, by_name=False), []
    except ValidationError as error:
        return None, _first(from_pydantic(error, Policy, tree, file))


def _first(errors: Iterable[PolicyError]) -> list[PolicyError]:
    """As many as anybody reads: the likely word is looked for only where it will be shown."""
    return list(islice(errors, REPORTED))


def _raise(errors: list[PolicyError]) -> None:
    if errors:
        errors.sort(key=lambda e: (e.line, e.column))
        raise PolicyErrors(errors[:REPORTED])
