"""Versioned secrets: an immutable entry of a vault for each version of each.

Airflow's secrets backends know no versions, so a version is part of the entry's name: version ``2`` of ``receipt_key``
is the password of the connection ``receipt_key__2``. A new value is a new entry; an entry that a certified release
names is never written again nor removed, or that release could not be restored. One vault per site: an entry that is
not in it, or that it denies, is looked for nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.drivers.credentials import SCHEME, Resolver
from tidegate.errors import Refused
from tidegate.model.release import SecretVersion
from tidegate.redaction import remember

SHORTEST = 8  # characters; a shorter value is guessed, and cannot be told from other text in a log


@dataclass(frozen=True)
class Secret:
    """A secret's value in one version. ``value`` stays out of ``repr`` and of every error text."""

    which: SecretVersion
    value: str = field(repr=False)

    def __post_init__(self) -> None:
        remember(self.value)


Vault = Callable[[SecretVersion], Secret]
"""Reads one entry. Raises :class:`Refused` if there is none, ``Unreachable`` if the vault does not answer, ``Rejected``
if it says no."""

Unseal = Callable[[], tuple[Secret, ...]]
"""The secrets of one release, for the driver that starts its instances; called only if they are needed."""


def vault_of(resolve: Resolver) -> Vault:
    """The vault behind ``conn://``: the environment, or whatever else ``resolve`` asks."""

    def read(which: SecretVersion) -> Secret:
        try:
            found = resolve(SCHEME + which.entry)
        except Refused as missing:
            raise not_there(which, missing.message) from None
        return secret_from(which, found.password)

    return read


def secret_from(which: SecretVersion, value: str | None) -> Secret:
    """Raises :class:`Refused` for an entry without a value, or with one that is too short to be a secret."""
    if not value or len(value) < SHORTEST:
        raise Refused(
            f"the entry {which.entry} holds no password of {SHORTEST} characters or more",
            next_step=f"write a new version of {which.name} and build a release that takes it",
        )
    return Secret(which, value)


def not_there(which: SecretVersion, why: str = "") -> Refused:
    """The refusal for an entry that the vault does not have."""
    tail = f": {why}" if why else ""
    return Refused(
        f"secret {which} is not in the vault{tail}",
        next_step=f"put it back as the password of the connection {which.entry}, with the value that it had",
    )


def no_secrets() -> tuple[Secret, ...]:
    """For releases that take none."""
    return ()
