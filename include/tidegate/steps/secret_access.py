"""How steps come by the secrets of a release: proved to be there before any effect, read where they are needed."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.drivers.vault import Secret, Unseal
from tidegate.errors import Unreachable
from tidegate.model.release import Release
from tidegate.steps.contract import StepWorld


def prove(world: StepWorld, release: Release, regions: Sequence[str]) -> str:
    """Read every secret of ``release`` once, on behalf of the regions that will need it. Returns words for the log.

    Raises :class:`~tidegate.errors.Refused` for one that is not there, ``Unreachable``, ``Rejected``.
    """
    if not release.secrets or not regions:
        return ""
    for secret in release.secrets:
        world.read_secret(secret, purpose="admission", regions=regions)
    return f"; its secrets are there: {', '.join(map(str, release.secrets))}"


def unseal(world: StepWorld, release: Release, region: str) -> Unseal:
    """For the driver that starts the instances."""

    def read() -> tuple[Secret, ...]:
        return tuple(world.read_secret(s, purpose="deployment", regions=(region,)) for s in release.secrets)

    return read


def regions_in_need(world: StepWorld, release: Release) -> tuple[str, ...]:
    """Regions whose stable slot holds no instance of ``release`` with its secrets. A slot that runs it needs no vault:
    so a way back to a slot that is kept warm does not depend on one."""
    return tuple(region for region in world.shares if not _runs(world, release, region))


def _runs(world: StepWorld, release: Release, region: str) -> bool:
    try:
        state = world.estate.compute.observe(world.binding.arm(region, "stable"))
    except Unreachable:
        return False
    return any(instance.healthy and instance.runs(release) for instance in state.instances)
