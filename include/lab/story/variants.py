"""Scenarios that need another policy than the sample's play in a lab of their own, with DAGs beside it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml

from lab.deployment import POLICY
from lab.places import REPOSITORY
from lab.story.scenario import Scenario
from lab.third_place import ADDRESSES, ORIGIN

AS_SHIPPED = ""
DEGRADED = ("recommendations", "new_basket")  # the least important first
ASSET = "/assets/shop.css"
BESIDE = {
    "dns": {
        "names": [f"www.{ORIGIN}"],
        "servers": ["conn://shop_names"],
        "addresses": {region: [address] for region, address in ADDRESSES.items()},
    },
    "assets": {"paths": [ASSET], "caches": ["conn://shop_cache"]},
}
"""Every move waits at its end until the name leads where the traffic goes, and nowhere else, and until the cache hands
out what a release that takes traffic has made."""
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    # a contract is proved on the rows that are there: after an hour of orders it would block too many
    "anew": {"consistency": BESIDE},
    "unproved": {"migrations": {"prove": False}},
    "acting": {
        "failover": {"decide": {"then": "act"}},
        "drivers": {"database": {"synchronous": "relax"}},
        "capacity": {"per_instance": "100/s"},  # what is left carries everybody at once
    },
    "ledger": {"failover": {"ledger": {"sessions": "id", "orders": "id", "order_events": "order_id"}}},
    "half-capacity": {
        "failover": {"admission": {"steps": ["50%", "75%", "100%"], "degrade": list(DEGRADED)}},
        "consistency": BESIDE,
    },
    "frozen": {},  # a region that stood still is lost once more, in a lab that has not lost it before
    "early": {},
    "detour": {
        "failover": {"detour": {"then": "act"}},
        "capacity": {"per_instance": "100/s"},  # one region has room for all of a class
    },
    "airflow-lost": {},
    "worker-frozen": {},
}
"""Name -> what differs from the sample's policy, by section."""


def acts(scenarios: Iterable[Scenario]) -> list[tuple[str, tuple[Scenario, ...]]]:
    """The scenarios by the policy that they need, in order: each act has a lab of its own."""
    return [(name, tuple(group)) for name, group in groupby(scenarios, key=lambda s: s.variant)]


def dags_for(variant: str, out: Path) -> Path:
    """The folder of DAG files with the variant's policy: the repository's own, or a copy below ``out``."""
    if variant == AS_SHIPPED:
        return REPOSITORY / "dags"
    copy = out / f"dags-{variant}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(REPOSITORY / "dags", copy, ignore=shutil.ignore_patterns("__pycache__"))
    policy = copy / "policies" / POLICY.name
    policy.write_text(yaml.safe_dump(merged(yaml.safe_load(policy.read_text()), VARIANTS[variant]), sort_keys=False))
    return copy


def merged(policy: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The policy with the changes in it, section by section."""
    found = dict(policy)
    for key, value in changes.items():
        found[key] = merged(policy[key], value) if isinstance(value, Mapping) and key in policy else value
    return found
