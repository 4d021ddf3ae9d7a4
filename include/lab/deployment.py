"""The start state of the shop, made through the drivers that operations use: 1.0.0 in slot a of both regions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from lab.airflow_api import await_value
from lab.places import REPOSITORY, Places, write_private
from tidegate.drivers import registry
from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.drivers.compute.contract import Compute, SlotSpec
from tidegate.drivers.credentials import Credential, connection_name, parse_connection
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Unseal, no_secrets
from tidegate.errors import Refused
from tidegate.model.topology import Arm, Slot
from tidegate.policy.load import load_policy
from tidegate.policy.schema import Driver, Policy

POLICY = REPOSITORY / "dags" / "policies" / "shop.yaml"
SERVICE = "shop"
VARIABLES = "SHOP"  # what the names of the variables begin with that its instances are given
BASELINE = "1.0.0"
_WITHIN = 40.0
_EVER = 2**53  # no journal comes so far


@dataclass(frozen=True)
class Deployment:
    """``variables``: the lab's environment, whose connections the drivers use."""

    places: Places
    variables: Mapping[str, str]
    policy: Policy

    def fill(
        self, slot: Slot = Slot.A, version: str = BASELINE, regions: Iterable[str] = (), instances: int | None = None
    ) -> None:
        """``version`` in this slot of the regions (all, if none are named), at full strength or on so many instances;
        returns when settled."""
        artifacts: Artifacts = self._connect("artifacts")
        release = artifacts.verify(version)
        spec = SlotSpec(release, instances or self.policy.capacity.instances)
        site = self.site()
        self._settle(
            slot,
            spec,
            lambda: artifacts.fetch(release),
            regions,
            lambda: tuple(site.vault(which) for which in release.secrets),
        )

    def empty(self, slot: Slot = Slot.B, regions: Iterable[str] = ()) -> None:
        """Nothing in this slot of the regions; returns when settled."""
        self._settle(slot, SlotSpec(None, 0), _nothing, regions)

    def start_singletons(self, region: str) -> None:
        """The jobs of which one at most runs, in the region that takes writes; of one that runs nothing is changed."""
        compute: Compute = self._connect("compute")
        for name in self.policy.singletons or ():
            compute.start_singleton(region, name, Token(0, "lab"))

    def stop_singletons(self) -> None:
        """In every region, whatever their epoch. Their next one may be any again."""
        compute: Compute = self._connect("compute")
        for region, name in product(self.policy.regions, self.policy.singletons or ()):
            compute.stop_singleton(region, name, Token(_EVER, "lab"))
        slots = self.site().path(self.policy.drivers.compute.model_dump()["slots"])
        for path in slots.glob("singletons/*.json"):
            path.unlink()

    def forget_epochs(self) -> None:
        """Let slots take orders of any epoch again: those of a fresh journal start at one. Nobody may be writing."""
        slots = self.site().path(self.policy.drivers.compute.model_dump()["slots"])
        for path in slots.glob("*/slot.json"):
            write_private(path, json.dumps(json.loads(path.read_text()) | {"epoch": 0}))

    def _settle(
        self,
        slot: Slot,
        spec: SlotSpec,
        fetch: Callable[[], Path],
        regions: Iterable[str],
        unseal: Unseal = no_secrets,
    ) -> None:
        compute: Compute = self._connect("compute")
        arms = [Arm(region, slot) for region in regions or self.policy.regions]
        for arm in arms:
            compute.apply(arm, spec, Token(0, "lab"), fetch, unseal)
        what = spec.release.version if spec.release else "nothing"
        for arm in arms:
            settled = partial(compute.settled, arm, spec)
            await_value(lambda settled=settled: settled() or None, _WITHIN, f"{arm} does not run {what}")  # type: ignore[misc]

    def _connect(self, family: str) -> Any:
        options = getattr(self.policy.drivers, family).model_dump()
        return registry.connect(family, options, self.site())

    def site(self) -> Site:
        """The shop's site, its connections resolved from the lab's own environment."""
        policy = self.policy
        return Site(policy.service, policy.shares, policy.endpoint_classes, self.places.home, self._resolve)

    def _resolve(self, reference: str) -> Credential:
        name = connection_name(reference)
        raw = self.variables.get(f"AIRFLOW_CONN_{name.upper()}")
        if raw is None:
            raise Refused(f"the lab has no connection {name!r}", next_step="see include/lab/connections.py")
        return parse_connection(name, raw)


def sample_policy(service: str = SERVICE) -> Policy:
    """The policy that the lab is laid out for, as that of ``service``: the releases are the shop's all the same."""
    policy = load_policy(POLICY).policy
    compute = Driver(**{**policy.drivers.compute.model_dump(), "variables": VARIABLES})
    drivers = policy.drivers.model_copy(update={"compute": compute})
    return policy.model_copy(update={"service": service, "drivers": drivers})


def _nothing() -> Path:
    raise AssertionError("an empty slot needs no files")
