"""The verification that every artifacts driver shares; a driver only says how bytes are found."""

from __future__ import annotations

import difflib
import fcntl
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from tidegate.drivers.artifacts._archive import (
    UnsafeArchiveError,
    first_difference,
    hashes,
    sha256,
    tree_hashes,
    unpack,
    write_tree,
)
from tidegate.drivers.artifacts._manifest import ENVELOPE, INDEX, MANIFEST, Manifest, read_index, read_manifest
from tidegate.drivers.artifacts._mixing import Whole, mixed
from tidegate.drivers.artifacts._signatures import INDEX_TYPE, RELEASE_TYPE, Trust, open_envelope
from tidegate.drivers.artifacts.contract import ReleaseIndex
from tidegate.errors import Refused, Rejected
from tidegate.model.canonical import canonical
from tidegate.model.mix import parse_mix, vetoed_part
from tidegate.model.release import Release

VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


class Store(Protocol):
    """Where the bytes lie. Both raise ``Unreachable`` if the store does not answer."""

    def versions(self) -> tuple[str, ...]:
        """Unsorted."""
        ...

    def read(self, version: str, name: str) -> bytes | None:
        """The file ``name`` of a release (``version`` "" for the store's own files), None if there is none."""
        ...

    def trust(self) -> Trust:
        """The trusted keys. Raises ``Refused`` if they cannot meet the threshold."""
        ...


@runtime_checkable
class WritableStore(Store, Protocol):
    """A store that can be published into. Both calls are whole or not at all, and raise ``Unreachable``."""

    def put(self, version: str, files: Mapping[str, bytes]) -> Mapping[str, bytes] | None:
        """Add a version. None if it was added; if it was there before, nothing changes and its files are returned."""
        ...

    def put_index(self, data: bytes) -> None: ...


@dataclass(frozen=True)
class Offered:
    """A store of one release that nobody has published yet: file name -> bytes."""

    version: str
    files: Mapping[str, bytes]
    trusted: Trust

    def versions(self) -> tuple[str, ...]:
        return (self.version,)

    def read(self, version: str, name: str) -> bytes | None:
        return self.files.get(name) if version == self.version else None

    def trust(self) -> Trust:
        return self.trusted


@dataclass(frozen=True)
class Shelf:
    """The ``Artifacts`` contract over a store; ``cache`` holds unpacked releases."""

    store: Store
    cache: Path

    def versions(self) -> tuple[str, ...]:
        return tuple(sorted((v for v in self.store.versions() if VERSION.fullmatch(v)), key=_version_order))

    def verify(self, version: str) -> Release:
        return self._whole(version).release

    def index(self) -> ReleaseIndex:
        data = self.store.read("", INDEX)
        if data is None:
            raise Rejected(f"{INDEX}: there is no signed index, so no release's age is known", next_step="publish one")
        return read_index(open_envelope(data, INDEX_TYPE, self.store.trust(), INDEX), INDEX)

    def fetch(self, release: Release) -> Path:
        """See the contract. The directory also holds ``manifest.json``, the signed payload, beside the files."""
        whole = self._whole(release.version)
        manifest = whole.manifest
        if manifest.digest != release.digest:
            raise Rejected(
                f"release {release.version}: is {manifest.digest} now, but {release.digest} was asked for",
                next_step="find out who published this version a second time",
            )
        target = self.cache / manifest.digest.removeprefix("sha256:")
        files = dict(whole.files)
        files[MANIFEST] = canonical(manifest.model_dump(mode="json"))
        with _locked(self.cache):
            good = target.is_dir() and not target.is_symlink()
            if not good or first_difference(tree_hashes(target), hashes(files)):
                self._unpack(target, files, manifest)
        return target

    def ping(self) -> None:
        self.store.versions()

    def manifest(self, version: str) -> Manifest:
        """The signed manifest; the archive is not looked at. Raises as :meth:`verify`."""
        return self._manifest(version)

    def publish(self, version: str, files: Mapping[str, bytes]) -> bool:
        """See the contract."""
        store = self._writable()
        offered = Shelf(Offered(version, files, store.trust()), self.cache)
        release, wanted = offered.verify(version), {ENVELOPE, offered.manifest(version).archive_name}
        if set(files) != wanted:
            raise Rejected(f"release {version}: expected exactly {', '.join(sorted(wanted))}, got {sorted(files)}")
        if store.read("", INDEX) is not None and (fault := self.index().shuts_out(release)):
            raise Refused(f"release {version}: {fault}", next_step="build it anew, with a higher sequence")
        standing = store.put(version, files)
        if standing is not None and standing != dict(files):
            raise Refused(
                f"release {version} is published already, with other bytes",
                next_step="give the new build a version of its own; what was published stays as it is",
            )
        return standing is None

    def publish_index(self, data: bytes) -> bool:
        """See the contract."""
        store = self._writable()
        new = read_index(open_envelope(data, INDEX_TYPE, store.trust(), INDEX), INDEX)
        before = store.read("", INDEX)
        if before == data:
            return False
        if before is not None and (fault := self.index().looser(new)):
            raise Refused(f"{INDEX}: {fault}", next_step="an index only grows stricter; make it from the published one")
        store.put_index(data)
        return True

    def _writable(self) -> WritableStore:
        if not isinstance(self.store, WritableStore):
            raise Refused("nothing can be published into this place", next_step="use its own tools")
        return self.store

    def _whole(self, version: str) -> Whole:
        """A plain release, or a mix of some; all that it is made of is verified like any release."""
        try:
            mix = parse_mix(version)
        except ValueError as error:
            raise Refused(f"there is no release {version!r}: {error}", next_step=self._likely(version)) from error
        if mix is None:
            manifest = self._manifest(version)
            return Whole(manifest, self._files(manifest), {})
        made = mixed(mix, {one: self._whole(one) for one in mix.parents})
        if bad := vetoed_part(made.release, self.index().vetoed):
            raise Refused(f"{version} cannot be had: {bad} is vetoed", next_step="choose another release")
        return made

    def _manifest(self, version: str) -> Manifest:
        data = self.store.read(version, ENVELOPE) if VERSION.fullmatch(version) else None
        if data is None:
            raise Refused(f"there is no release {version!r}", next_step=self._likely(version))
        what = f"release {version}: {ENVELOPE}"
        return read_manifest(open_envelope(data, RELEASE_TYPE, self.store.trust(), what), version, what)

    def _files(self, manifest: Manifest) -> dict[str, bytes]:
        """The release's files, in memory, each as signed. Raises ``Rejected`` naming what is not."""
        what = f"release {manifest.version}: {manifest.archive_name}"
        archive = self.store.read(manifest.version, manifest.archive_name)
        if archive is None:
            raise Rejected(f"{what}: is missing", next_step="publish the release again")
        try:
            files = unpack(archive)
        except UnsafeArchiveError as error:
            raise Rejected(f"{what}: {error}") from error
        if difference := first_difference(hashes(files), manifest.files):
            raise Rejected(f"{what}: {difference}", next_step="find out who changed it after it was signed")
        if (found := sha256(archive)) != manifest.archive:
            raise Rejected(f"{what}: has sha256 {found} but the signed manifest says {manifest.archive}")
        return files

    def _unpack(self, target: Path, files: dict[str, bytes], manifest: Manifest) -> None:
        """Write beside, prove what was written, then rename: ``target`` never holds half a release."""
        fresh, old = self.cache / f".{target.name}.fresh", self.cache / f".{target.name}.old"
        for left_over in (fresh, old):  # of one who was killed here
            _remove(left_over)
        fresh.mkdir()
        write_tree(fresh, files)
        if difference := first_difference(tree_hashes(fresh), hashes(files)):
            raise Rejected(f"release {manifest.version}: after unpacking, {difference}")
        if target.is_symlink() or target.exists():
            target.rename(old)
        fresh.rename(target)
        _remove(old)

    def _likely(self, version: str) -> str:
        known = self.versions()
        near = difflib.get_close_matches(version, known, n=1)
        return f"did you mean {near[0]!r}?" if near else f"releases on offer: {', '.join(known) or 'none'}"


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


@contextmanager
def _locked(cache: Path) -> Iterator[None]:
    """One fetch at a time, among threads and processes of this machine."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _version_order(version: str) -> tuple[tuple[int, int, str], ...]:
    """1.10.0 after 1.9.0; numbers before words."""
    parts = re.split(r"[.+-]", version)
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts)
