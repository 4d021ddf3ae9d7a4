"""One release, or one index, as files in a folder."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.drivers.artifacts._archive import LIMITS, UnsafeArchiveError
from tidegate.drivers.artifacts._manifest import ENVELOPE, INDEX, Details, Index, Manifest, build, read_index
from tidegate.drivers.artifacts._settings_files import UnfitSettingsError
from tidegate.drivers.artifacts._shelf import VERSION, Offered, Shelf
from tidegate.drivers.artifacts._signatures import (
    INDEX_TYPE,
    RELEASE_TYPE,
    SigningKey,
    Trust,
    add_signatures,
    open_envelope,
    sign,
    signers,
)
from tidegate.drivers.artifacts.contract import Publishes, ReleaseIndex
from tidegate.errors import Refused, Rejected

__all__ = ["Bundle", "Details", "build_index", "build_release", "publish_bundle", "sign_bundle", "source_files"]

LEFT_OUT = frozenset({"__pycache__", ".git"})  # names of directories that never belong to a release
UNTRUSTED = Trust({}, 0)  # for looking at what is to be signed
PLACEHOLDERS = ("python", "port")  # of a command: filled in by whoever starts it
_FILLED = re.compile(r"\{([^{}]*)\}")
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Bundle:
    """``files``: all that the folder holds, by name; read once, so that what was checked is what is used."""

    folder: Path
    files: Mapping[str, bytes]

    @classmethod
    def read(cls, folder: Path) -> Bundle:
        """Raises :class:`Refused` if the folder holds neither a release nor an index."""
        try:
            files = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        except OSError as error:
            raise Refused(f"{folder} cannot be read: {error.strerror}", next_step="tidegate release build") from error
        if (ENVELOPE in files) == (INDEX in files):
            raise Refused(f"{folder} holds no release and no index", next_step="tidegate release build")
        return cls(folder, files)

    @property
    def is_index(self) -> bool:
        return INDEX in self.files

    @property
    def envelope(self) -> bytes:
        return self.files[INDEX if self.is_index else ENVELOPE]

    @property
    def signers(self) -> tuple[str, ...]:
        """Key ids, unverified."""
        return signers(self.envelope, str(self.folder))

    def check(self) -> None:
        """Whether it holds together, whoever signed it: nobody signs what does not. Raises ``Rejected``."""
        if self.is_index:
            self.index()
        else:
            self.manifest()

    def manifest(self, trust: Trust = UNTRUSTED) -> Manifest:
        """The release's manifest, once its archive has been found to be what the manifest says. Raises ``Rejected``."""
        payload = open_envelope(self.envelope, RELEASE_TYPE, trust, str(self.folder / ENVELOPE))
        version = str(payload.get("version", ""))
        shelf = Shelf(Offered(version, self.files, trust), self.folder)
        shelf.verify(version)
        return shelf.manifest(version)

    def index(self, trust: Trust = UNTRUSTED) -> ReleaseIndex:
        return read_index(open_envelope(self.envelope, INDEX_TYPE, trust, str(self.folder / INDEX)), INDEX)


def build_release(source: Path, details: Details, out: Path) -> Manifest:
    """Pack what lies below ``source`` into a bundle that nobody has signed yet.

    The same files give the same bytes. Building into a folder that holds this very release changes nothing, and keeps
    its signatures. Raises :class:`Refused` for a name or a file that no release may have, or if ``out`` holds
    something else.
    """
    _check_names(details)
    try:
        built = build(details, source_files(source))
    except (UnfitSettingsError, UnsafeArchiveError) as error:
        raise Refused(f"no release can be built: {error}", next_step="mend it, then build again") from error
    envelope = sign(built.manifest.model_dump(mode="json"), RELEASE_TYPE, [])
    _write_new(out, {built.manifest.archive_name: built.archive, ENVELOPE: envelope}, ENVELOPE, RELEASE_TYPE)
    return built.manifest


def build_index(oldest_sequence: int, vetoed: Iterable[str], out: Path) -> ReleaseIndex:
    """A bundle with an index that nobody has signed yet."""
    index = Index(oldest_sequence=oldest_sequence, vetoed=tuple(sorted(set(vetoed))))
    for veto in index.vetoed:
        if not re.fullmatch(r"sha256:[0-9a-f]{64}", veto):
            raise Refused(f"{veto!r} is no release's digest", next_step="sha256: and 64 hex digits (release verify)")
    _write_new(out, {INDEX: sign(index.model_dump(mode="json"), INDEX_TYPE, [])}, INDEX, INDEX_TYPE)
    return index.contract()


def sign_bundle(folder: Path, keys: Iterable[SigningKey]) -> tuple[str, ...]:
    """Add signatures to a bundle that is intact. Returns the ids of all who have signed it now, unverified."""
    bundle = Bundle.read(folder)
    bundle.check()
    kind, name = (INDEX_TYPE, INDEX) if bundle.is_index else (RELEASE_TYPE, ENVELOPE)
    signed = add_signatures(bundle.envelope, kind, keys, str(folder / name))
    _put(folder / name, signed)
    return signers(signed, name)


def publish_bundle(bundle: Bundle, artifacts: object) -> bool:
    """Offer it through a driver, which verifies it with the keys that its site trusts. False if it was there already.

    Raises :class:`Refused` if the driver cannot publish, and as :class:`~...contract.Publishes` says.
    """
    if not isinstance(artifacts, Publishes):
        raise Refused("this kind of artifacts driver cannot publish", next_step="publish with the store's own tools")
    if bundle.is_index:
        return artifacts.publish_index(bundle.envelope)
    return artifacts.publish(bundle.manifest().version, bundle.files)


def source_files(source: Path) -> dict[str, bytes]:
    """Path below ``source`` -> content. Raises :class:`Refused` for links and what else is no plain file, for files
    that are too large, and if there is nothing."""
    if not source.is_dir():
        raise Refused(f"there is no directory {source}", next_step="name the directory with the release's files")
    files: dict[str, bytes] = {}
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if LEFT_OUT & set(name.parts) or (path.is_dir() and not path.is_symlink()):
            continue
        if path.is_symlink() or not path.is_file():
            raise Refused(f"{path} is no plain file", next_step="links and devices cannot be part of a release")
        if path.stat().st_size > LIMITS.file:
            raise Refused(f"{path} has {path.stat().st_size} bytes, at most {LIMITS.file} are allowed")
        files[name.as_posix()] = path.read_bytes()
    if not files or len(files) > LIMITS.files or sum(map(len, files.values())) > LIMITS.total:
        raise Refused(f"{source} holds {len(files)} files; between 1 and {LIMITS.files} of {LIMITS.total} bytes in all")
    return files


def _check_names(details: Details) -> None:
    if not _SERVICE.fullmatch(details.service):
        raise Refused(f"{details.service!r} is no service's name", next_step="a-z, 0-9 and dashes, as in its policy")
    if not VERSION.fullmatch(details.version):
        raise Refused(f"{details.version!r} is no version", next_step="like 1.1.0 or 1.1.0-rc.1+5")
    if details.sequence < 0:
        raise Refused(f"the sequence {details.sequence} is below 0", next_step="a number that grows with each release")
    if not details.command:
        raise Refused("the command is empty", next_step='like --command "{python} -m shop --port {port}"')
    for name in _FILLED.findall(" ".join(details.command)):
        if name not in PLACEHOLDERS:
            says = f"the command holds {{{name}}}, which nobody fills in"
            near = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
            known = " and ".join(f"{{{one}}}" for one in PLACEHOLDERS)
            raise Refused(says, next_step=f"did you mean '{near[0]}'?" if near else f"known: {known}")


def _write_new(out: Path, files: Mapping[str, bytes], envelope: str, kind: str) -> None:
    """Write a fresh bundle, the envelope last; leave one that holds the same as it is."""
    out.mkdir(parents=True, exist_ok=True)
    there = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    others = {name: content for name, content in files.items() if name != envelope}
    if there:
        same = set(there) == set(files) and all(there[name] == content for name, content in others.items())
        what = str(out / envelope)
        if same and _payload(there[envelope], kind, what) == _payload(files[envelope], kind, what):
            return
        raise Refused(f"{out} holds something else already", next_step="name another --out, or remove it")
    for name, content in [*others.items(), (envelope, files[envelope])]:
        _put(out / name, content)


def _payload(data: bytes, kind: str, what: str) -> object:
    try:
        return open_envelope(data, kind, UNTRUSTED, what)
    except Rejected:
        return None


def _put(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.fresh")
    fresh.write_bytes(content)
    fresh.replace(path)
