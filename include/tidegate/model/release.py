"""Releases and what is known of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tidegate.model.canonical import digest


@dataclass(frozen=True, order=True)
class SecretVersion:
    """Which secret, in which version; never its value. A version, once written, is never written again."""

    name: str
    version: str

    @property
    def entry(self) -> str:
        """The connection id under which a vault holds it. Neither part may hold two underscores in a row."""
        return f"{self.name}__{self.version}"

    def __str__(self) -> str:
        return f"{self.name} in version {self.version}"


def secrets_digest(versions: dict[str, str]) -> str:
    """``sha256:`` + hex over the canonical JSON of {name: version}; "" if there are none. What an instance reports of
    the secrets that it loaded."""
    return digest(versions) if versions else ""


@dataclass(frozen=True)
class Release:
    """A release as its verified manifest describes it.

    ``digest``: ``sha256:`` + hex over the canonical manifest, which lists the SHA-256 of every file; the running
    processes compute the same from the files they loaded. ``sequence`` grows with every release that is published
    and is what "older" means. ``configuration``: ``sha256:`` + hex of the configuration document, "" if there is none;
    the document and the list of ``secrets`` are files of the release, so ``digest`` pins both. ``flags``: the keys that
    it asks for; ``flags_on``: those of them that are on where nothing decides (the others are off).
    ``schema_revision``: what it needs of the database. ``contract_revision``: what takes away that which only older
    releases need, "" if nothing does. ``smoke``: argv of its smoke test, () if it has none.
    ``components``: name -> digest of its files, of those that it declares. ``parents``: of a mix
    (:mod:`tidegate.model.mix`) version -> digest of the signed releases that it is made of, {} for any other.
    """

    version: str
    digest: str
    sequence: int
    schema_revision: str = ""
    flags: tuple[str, ...] = field(default=())
    configuration: str = ""
    secrets: tuple[SecretVersion, ...] = ()
    flags_on: tuple[str, ...] = ()
    contract_revision: str = ""
    smoke: tuple[str, ...] = ()
    components: Mapping[str, str] = field(default_factory=dict, hash=False)
    parents: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def flag_defaults(self) -> dict[str, bool]:
        """Key -> what the release does where the source of flags decides nothing."""
        return {key: key in self.flags_on for key in self.flags}

    @property
    def secrets_digest(self) -> str:
        return secrets_digest({secret.name: secret.version for secret in self.secrets})
