"""Compute drivers: which release runs in which slot, on how many instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret, Unseal, no_secrets
from tidegate.errors import Refused
from tidegate.model.release import Release
from tidegate.model.topology import Arm


@dataclass(frozen=True)
class SlotSpec:
    """Desired state of a slot. ``release`` None (and ``instances`` 0): the slot is empty."""

    release: Release | None
    instances: int


@dataclass(frozen=True)
class InstanceState:
    """One running process or task. ``digest``: what it computed from the files it loaded, None if it did not say.
    ``secrets``: what it computed from the names and versions of the secrets it loaded
    (:func:`~tidegate.model.release.secrets_digest`), "" if it loaded none."""

    name: str
    digest: str | None
    healthy: bool
    secrets: str = ""

    def runs(self, release: Release) -> bool:
        """Whether it says that it runs these files, this configuration among them, with these secrets."""
        return self.digest == release.digest and self.secrets == release.secrets_digest


@dataclass(frozen=True)
class SlotState:
    """What runs in a slot now. ``version``: the release the slot was last told to run, None if empty or unknown."""

    arm: Arm
    version: str | None
    instances: tuple[InstanceState, ...]

    def matches(self, desired: SlotSpec) -> bool:
        """N of N: exactly the desired number of instances, each healthy and reporting the desired digests."""
        release = desired.release
        if release is None:
            return not self.instances
        return len(self.instances) == desired.instances and all(i.healthy and i.runs(release) for i in self.instances)


@dataclass(frozen=True)
class SingletonState:
    """A job of which one at most runs in the whole service, as one region has it. ``epoch``: under which it was
    started, None if it does not run there. ``steady``: it runs, and has not just ended or begun."""

    region: str
    name: str
    epoch: int | None = None
    steady: bool = False


def unsealed(release: Release, unseal: Unseal) -> tuple[Secret, ...]:
    """The release's secrets, every one of them. Raises :class:`Refused` if others, or not all, were handed over."""
    secrets = unseal()
    if {secret.which for secret in secrets} != set(release.secrets):
        given = ", ".join(str(secret.which) for secret in secrets) or "none"
        wanted = ", ".join(map(str, release.secrets))
        raise Refused(f"release {release.version} takes {wanted}; handed over: {given}")
    return secrets


class Compute(Protocol):
    """Contract of the family. ``apply`` converges and is idempotent: instances that already run the desired release
    are left alone, so a change of ``instances`` restarts nobody. Stopping is graceful: requests in flight end first."""

    def observe(self, arm: Arm) -> SlotState:
        """Asks the instances themselves. Raises ``Unreachable`` if the region's control does not answer."""
        ...

    def apply(
        self, arm: Arm, desired: SlotSpec, token: Token, fetch: Callable[[], Path], unseal: Unseal = no_secrets
    ) -> None:
        """Start to converge; ``fetch`` yields the verified, unpacked release, and is called only if files are needed.
        ``unseal`` yields the release's secrets, and is called only if the slot does not hold them. They reach the
        instances in no argument, no configuration that others read, and no log.

        Raises ``LeaseLost`` where the system can hold an epoch, ``Unreachable``, ``Rejected``.
        """
        ...

    def settled(self, arm: Arm, desired: SlotSpec) -> bool:
        """Whether :meth:`SlotState.matches` holds now."""
        ...

    def ping(self, region: str) -> None:
        """Raises ``Unreachable`` if the region's control does not answer."""
        ...

    def singleton(self, region: str, name: str) -> SingletonState:
        """Raises ``Unreachable`` if the region's control does not answer, ``Refused`` for a job that it does not
        know."""
        ...

    def start_singleton(self, region: str, name: str, token: Token) -> None:
        """Have the job run in the region, once, under the token's epoch: one of an older epoch ends before it begins.

        The program is told its epoch. It takes it in its database, in the same transaction as each piece of work, and
        ends where it finds a newer one: so one that wakes up after it was replaced commits nothing.

        Raises ``LeaseLost`` if the region was told something with a newer epoch, ``Unreachable``, ``Rejected``,
        ``Refused``.
        """
        ...

    def stop_singleton(self, region: str, name: str, token: Token) -> None:
        """The job does not run in the region when this returns, and is not started there with an older epoch. Raises
        as :meth:`start_singleton`, and ``NotSettled`` if it does not end in time."""
        ...
