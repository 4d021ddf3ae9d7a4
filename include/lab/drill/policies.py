"""The two services' policies: the shop's, with its drills, and that of the shop that is broken instead of it. Line by
line the same but for where its systems are."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lab.another import Another
from lab.deployment import POLICY, VARIABLES
from lab.places import REPOSITORY
from lab.story.variants import VARIANTS, merged

SERVICE, ENVIRONMENT = "shop", "shop-drill"
BROKEN = Another("drill", "shop_drill_")
AGENT, PERSON = "shop_drill_agent", "shop_drill_person"  # connections
BAD_RELEASE = "1.2.0"


def write(out: Path, scenarios: Sequence[str] = ()) -> Path:
    """A folder of DAG files with both policies. ``scenarios``: all three of the nightly drill if none is named."""
    folder = out / "dags"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(REPOSITORY / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shop = merged(yaml.safe_load(POLICY.read_text()), VARIANTS["acting"])
    both = {SERVICE: {**shop, "drills": drills(scenarios)}, ENVIRONMENT: environment_of(shop)}
    for name, policy in both.items():
        (folder / "policies" / f"{name}.yaml").write_text(yaml.safe_dump(policy, sort_keys=False))
    return folder


def drills(scenarios: Sequence[str] = ()) -> dict[str, Any]:
    """Without a schedule: whoever runs this asks for the drill, at whatever hour."""
    every: dict[str, Any] = {"bad_release": {"version": BAD_RELEASE}, "region_loss": {}, "airflow_lost": {}}
    return {
        "environment": ENVIRONMENT,
        "answer": f"conn://{PERSON}",
        "scenarios": {name: every[name] for name in scenarios or every},
    }


def environment_of(shop: Mapping[str, Any]) -> dict[str, Any]:
    """The same policy with other systems beneath it, and what breaks it and brings its users."""
    found: dict[str, Any] = BROKEN.elsewhere(shop)
    agent = {"kind": "agent", "at": f"conn://{AGENT}"}
    compute = {**found["drivers"]["compute"], "variables": VARIABLES}
    drivers = {**found["drivers"], "compute": compute, "faults": dict(agent), "load": dict(agent)}
    return {**found, "service": ENVIRONMENT, "drivers": drivers}
