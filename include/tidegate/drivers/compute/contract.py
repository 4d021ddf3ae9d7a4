"""Compute drivers: which release runs in which slot, on how many instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.model.release import Release
from tidegate.model.topology import Arm


@dataclass(frozen=True)
class SlotSpec:
    """Desired state of a slot. ``release`` None (and ``instances`` 0): the slot is empty."""

    release: Release | None
    instances: int


@dataclass(frozen=True)
class InstanceState:
    """One running process or task. ``digest``: what it computed from the files it loaded, None if it did not say."""

    name: str
    digest: str | None
    healthy: bool


@dataclass(frozen=True)
class SlotState:
    """What runs in a slot now. ``version``: the release the slot was last told to run, None if empty or unknown."""

    arm: Arm
    version: str | None
    instances: tuple[InstanceState, ...]

    def matches(self, desired: SlotSpec) -> bool:
        """N of N: exactly the desired number of instances, each healthy and reporting the desired digest."""
        if desired.release is None:
            return not self.instances
        return len(self.instances) == desired.instances and all(
            i.healthy and i.digest == desired.release.digest for i in self.instances
        )


class Compute(Protocol):
    """Contract of the family. ``apply`` converges and is idempotent: instances that already run the desired release
    are left alone, so a change of ``instances`` restarts nobody. Stopping is graceful: requests in flight end first."""

    def observe(self, arm: Arm) -> SlotState:
        """Asks the instances themselves. Raises ``Unreachable`` if the region's control does not answer."""
        ...

    def apply(self, arm: Arm, desired: SlotSpec, token: Token, fetch: Callable[[], Path]) -> None:
        """Start to converge; ``fetch`` yields the verified, unpacked release, and is called only if files are needed.

        Raises ``LeaseLost`` where the system can hold an epoch, ``Unreachable``, ``Rejected``.
        """
        ...

    def settled(self, arm: Arm, desired: SlotSpec) -> bool:
        """Whether :meth:`SlotState.matches` holds now."""
        ...

    def ping(self, region: str) -> None:
        """Raises ``Unreachable`` if the region's control does not answer."""
        ...
