"""Releases in memory, verified like any others; for tests and for trying things out.

One shelf per site root and service within a process, so that whoever connects again sees what was published.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers.artifacts._manifest import ENVELOPE, INDEX, Details, build
from tidegate.drivers.artifacts._shelf import Shelf
from tidegate.drivers.artifacts._signatures import INDEX_TYPE, RELEASE_TYPE, SigningKey, Trust, new_key, sign
from tidegate.drivers.site import Site
from tidegate.model.release import Release

_stores: dict[tuple[Path, str], MemoryStore] = {}


class Settings(BaseModel):
    """``threshold``: how many different keys must have signed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: Annotated[int, Field(ge=1, le=20)] = 1
    cache: str = "lab/cache"


@dataclass
class MemoryStore:
    """A :class:`~tidegate.drivers.artifacts._shelf.Store` that also publishes, signing with keys of its own."""

    threshold: int = 1
    service: str = "shop"
    files: dict[tuple[str, str], bytes] = field(default_factory=dict, repr=False)
    keys: tuple[SigningKey, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        self.keys = self.keys or tuple(new_key(f"k{n}") for n in range(1, self.threshold + 1))
        if ("", INDEX) not in self.files:
            self.publish_index()

    def versions(self) -> tuple[str, ...]:
        return tuple({version for version, _ in self.files if version})

    def read(self, version: str, name: str) -> bytes | None:
        return self.files.get((version, name))

    def put(self, version: str, files: Mapping[str, bytes]) -> Mapping[str, bytes] | None:
        standing = {name: content for (found, name), content in self.files.items() if found == version}
        if not standing:
            self.files |= {(version, name): content for name, content in files.items()}
        return standing or None

    def put_index(self, data: bytes) -> None:
        self.files["", INDEX] = data

    def trust(self) -> Trust:
        return Trust({key.keyid: key.public() for key in self.keys}, self.threshold)

    def publish(
        self,
        version: str,
        sequence: int,
        content: Mapping[str, bytes] | None = None,
        *,
        configuration: bytes | None = None,
        secrets: Mapping[str, str] | None = None,
        flags: Mapping[str, bool] | None = None,
        schema_revision: str = "",
        contract_revision: str = "",
        smoke: tuple[str, ...] = (),
        components: Mapping[str, tuple[str, ...]] | None = None,
    ) -> Release:
        """Pack, sign and offer a release; without ``content``, one file that holds the version."""
        files = dict(content or {f"{self.service}/version.txt": version.encode()})
        command = ("{python}", "-m", self.service, "--port", "{port}")
        details = Details(
            self.service,
            version,
            sequence,
            command,
            flags=dict(flags or {}),
            configuration=configuration,
            secrets=dict(secrets or {}),
            schema_revision=schema_revision,
            contract_revision=contract_revision,
            smoke=smoke,
            components=dict(components or {}),
        )
        built = build(details, files)
        envelope = sign(built.manifest.model_dump(mode="json"), RELEASE_TYPE, self.keys)
        self.files |= {(version, built.manifest.archive_name): built.archive, (version, ENVELOPE): envelope}
        return built.manifest.release()

    def publish_index(self, oldest_sequence: int = 0, vetoed: Iterable[str] = ()) -> None:
        index = {"oldest_sequence": oldest_sequence, "vetoed": sorted(vetoed)}
        self.files["", INDEX] = sign(index, INDEX_TYPE, self.keys)


def store_of(site: Site, threshold: int = 1) -> MemoryStore:
    """The store behind ``kind: memory`` for this site, to publish into; made on first use."""
    key = (site.root, site.service)
    if key not in _stores:
        _stores[key] = MemoryStore(threshold, site.service)
    return _stores[key]


def connect(settings: Settings, site: Site) -> Shelf:
    return Shelf(store_of(site, settings.threshold), site.path(settings.cache))
