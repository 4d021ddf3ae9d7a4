"""Three labs side by side, with one journal: shop, and payments and catalog, which it needs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab import postgres
from lab.airflow import AirflowSite
from lab.another import Another
from lab.deployment import POLICY, VARIABLES
from lab.estate import Lab
from lab.places import REGIONS, REPOSITORY, Places
from lab.progress import Progress
from lab.story.variants import VARIANTS, merged

GROUP, FIRST = "storefront", "shop"
OTHERS = {name: Another(name, f"{name}_") for name in ("payments", "catalog")}
SERVICES = (FIRST, *OTHERS)
USERS, USERS_LAST = 60, 1800.0  # of each service; seconds, at most
_FILE = {
    "version": 1,
    "group": GROUP,
    "description": "What a customer sees",
    "owners": {"failover": "sre", "rollback": "team-shop"},
    "services": {FIRST: {"needs": list(OTHERS)}, **{name: {} for name in OTHERS}},
    "when_one_fails": "hold",
}


def write(out: Path) -> Path:
    """A folder of DAG files with the three policies and the group's."""
    folder = out / "dags"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(REPOSITORY / "dags", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shop = merged(yaml.safe_load(POLICY.read_text()), VARIANTS["acting"])
    policies: dict[str, Any] = {FIRST: shop, **{name: _of(name, shop) for name in OTHERS}}
    (folder / "policies" / "groups").mkdir(exist_ok=True)
    for name, content in {**policies, f"groups/{GROUP}": _FILE}.items():
        (folder / "policies" / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder


def _of(name: str, shop: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = OTHERS[name].elsewhere(shop)
    compute = {**found["drivers"]["compute"], "variables": VARIABLES}
    return {**found, "service": name, "drivers": {**found["drivers"], "compute": compute}}


@dataclass
class Estates:
    """``home``: of all three. ``dags``: with their policies."""

    home: Path
    dags: Path
    progress: Progress
    labs: dict[str, Lab] = field(init=False)
    loads: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        others = {
            name: Lab(Places(self.home / other.below), self.progress, service=name) for name, other in OTHERS.items()
        }
        self.labs = {**others, FIRST: Lab(Places(self.home), self.progress, dags=self.dags, beside=self._beside)}

    def up(self) -> None:
        """Whatever fails, nothing is left."""
        try:
            for name, lab in self.labs.items():
                lab.up(airflow=False, journal=name == FIRST)
        except BaseException:
            self.down()
            raise

    def down(self) -> None:
        """Users first."""
        for load in self.loads:
            load.terminate()
        for load in self.loads:
            load.wait()
        for lab in self.labs.values():
            lab.down()

    def env(self) -> dict[str, str]:
        """For whoever acts on them."""
        return self.labs[FIRST].env()

    def tidegate(self, *words: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        """The command, run as a person would. Raises :class:`RuntimeError` if it fails, unless it may."""
        command = [str(Path(sys.executable).with_name("tidegate")), *words]
        done = subprocess.run(command, env=self.env(), capture_output=True, text=True, timeout=900, check=False)  # noqa: S603 - ours
        if done.returncode and not fails:
            raise RuntimeError(f"tidegate {' '.join(words[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done

    def writers(self) -> dict[str, str]:
        """Service -> the region that takes its writes, as its databases say; joined where there is not one."""
        found = {}
        for name, lab in self.labs.items():
            databases, secrets = lab.databases(), lab.site().secrets
            found[name] = "+".join(r for r in REGIONS if postgres.is_primary(databases.cluster(r), secrets))
        return found

    def bring_users(self, out: Path) -> None:
        """To all three, until :meth:`down`."""
        for name, lab in self.labs.items():
            where = out / "loads" / name
            where.mkdir(parents=True, exist_ok=True)
            command = [sys.executable, "-m", "lab.load", "--host", lab.edge_address(), "--users", str(USERS)]
            command += ["--spawn-rate", "10", "--seconds", str(USERS_LAST), "--out", str(where)]
            with (where / "load.log").open("wb") as log:
                self.loads.append(subprocess.Popen(command, stdout=log, stderr=log))  # noqa: S603 - ours

    def _beside(self, site: AirflowSite) -> dict[str, str]:
        found: dict[str, str] = {}
        for name, other in OTHERS.items():
            found |= other.variables(self.labs[name].env())
        return found

    def adopt(self) -> None:
        """1.0.0 is certified in each, and each has a second database that has every write."""
        for name in SERVICES:
            asked = self.tidegate(
                *("adopt", name, "1.0.0", "--by", "pat", "--reason", "it has run for a year", "--json")
            )
            self.tidegate("approve", name, json.loads(asked.stdout)["operation"], "--by", "ann")
