"""Signed releases for tests, offered by any artifacts driver, and the means to tamper with them."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidegate.drivers.artifacts import directory, memory
from tidegate.drivers.artifacts._archive import pack
from tidegate.drivers.artifacts._manifest import ENVELOPE, INDEX, Details, describe
from tidegate.drivers.artifacts._signatures import INDEX_TYPE, RELEASE_TYPE, SigningKey, new_key, sign
from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.drivers.site import Site
from tidegate.model.release import Release

K1, K2, K3, STRANGER = (new_key(name) for name in ("k1", "k2", "k3", "stranger"))
FILES = {"shop/app.py": b"print('shop')\n", "shop/static/logo.txt": b"logo", "VERSION": b"1"}


def site(root: Path) -> Site:
    return Site("shop", {"east": 10_000}, (), root)


@dataclass
class Press(ABC):
    """Publishes into one driver's store: ``threshold`` 2 of k1, k2, k3."""

    root: Path
    signers: tuple[SigningKey, ...] = field(default=(K1, K2))

    def __post_init__(self) -> None:
        self.index()

    @abstractmethod
    def put(self, version: str, name: str, content: bytes | None) -> None:
        """Write a file of the store, or remove it."""

    @abstractmethod
    def get(self, version: str, name: str) -> bytes: ...

    @abstractmethod
    def connect(self) -> Artifacts: ...

    def publish(
        self,
        version: str,
        sequence: int = 1,
        files: Mapping[str, bytes] = FILES,
        signers: Iterable[SigningKey] | None = None,
        archive: bytes | None = None,
        change: Callable[[dict[str, Any]], Any] = lambda manifest: None,
    ) -> Release:
        """A release; ``archive``: other bytes than the files packed; ``change``: the manifest before signing."""
        packed = pack(files) if archive is None else archive
        manifest = describe(Details("shop", version, sequence, ("run",)), files, packed)
        payload = manifest.model_dump(mode="json")
        change(payload)
        self.put(version, manifest.archive_name, packed)
        self.put(version, ENVELOPE, sign(payload, RELEASE_TYPE, self.signers if signers is None else signers))
        return manifest.release()

    def index(self, oldest: int = 0, vetoed: Iterable[str] = (), signers: Iterable[SigningKey] | None = None) -> None:
        payload = {"oldest_sequence": oldest, "vetoed": list(vetoed)}
        self.put("", INDEX, sign(payload, INDEX_TYPE, self.signers if signers is None else signers))

    def change_envelope(self, version: str, change: Callable[[dict[str, Any]], Any], name: str = ENVELOPE) -> None:
        """Tamper with an envelope after it was signed."""
        envelope = json.loads(self.get(version, name))
        change(envelope)
        self.put(version, name, json.dumps(envelope).encode())


class DirectoryPress(Press):
    @property
    def store(self) -> Path:
        return self.root / "lab" / "releases"

    def __post_init__(self) -> None:
        keys = self.store / "keys"
        keys.mkdir(parents=True)
        for key in (K1, K2, K3):
            (keys / f"{key.keyid}.pub.json").write_text(json.dumps(key.public()))
        super().__post_init__()

    def put(self, version: str, name: str, content: bytes | None) -> None:
        path = self.store / version / name
        if content is None:
            path.unlink()
            return
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)

    def get(self, version: str, name: str) -> bytes:
        return (self.store / version / name).read_bytes()

    def connect(self) -> Artifacts:
        return directory.connect(directory.Settings(path="lab/releases", threshold=2), site(self.root))


class MemoryPress(Press):
    def __post_init__(self) -> None:
        memory.store_of(site(self.root), threshold=2).keys = (K1, K2, K3)
        super().__post_init__()

    @property
    def store(self) -> memory.MemoryStore:
        return memory.store_of(site(self.root))

    def put(self, version: str, name: str, content: bytes | None) -> None:
        if content is None:
            del self.store.files[version, name]
        else:
            self.store.files[version, name] = content

    def get(self, version: str, name: str) -> bytes:
        return self.store.files[version, name]

    def connect(self) -> Artifacts:
        return memory.connect(memory.Settings(threshold=2), site(self.root))


PRESSES: dict[str, type[Press]] = {"memory": MemoryPress, "directory": DirectoryPress}


def payload_of(envelope: dict[str, Any]) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))
    return value


def with_payload(envelope: dict[str, Any], payload: Mapping[str, Any]) -> None:
    """Put another payload into an envelope, leaving its signatures."""
    envelope["payload"] = base64.b64encode(json.dumps(payload).encode()).decode()


def hostile_archive(*entries: tarfile.TarInfo, content: bytes = b"x") -> bytes:
    """An archive with exactly these entries, whatever they say."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w:gz", format=tarfile.PAX_FORMAT) as archive:
        for entry in entries:
            entry.size = len(content) if entry.isreg() else 0
            archive.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made
