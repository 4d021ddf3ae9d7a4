"""What is signed: a release's manifest and the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    StrictBool,
    StrictInt,
    ValidationError,
    field_validator,
    model_serializer,
)

from tidegate.drivers.artifacts._archive import UnsafeArchiveError, check_path, files_digest, hashes, pack, sha256
from tidegate.drivers.artifacts._components import check_components, component_digests, components_fault
from tidegate.drivers.artifacts._settings_files import (
    CONFIG,
    FLAGS,
    SECRETS,
    UnfitSettingsError,
    check_flags,
    check_secrets,
    configuration_digest,
    settings_files,
)
from tidegate.drivers.artifacts.contract import ReleaseIndex
from tidegate.errors import Rejected
from tidegate.model.canonical import canonical
from tidegate.model.release import Release, SecretVersion

ENVELOPE = "envelope.json"
MANIFEST = "manifest.json"  # in an unpacked release: the signed payload
INDEX = "index.json"
M = TypeVar("M", bound=BaseModel)


class Manifest(BaseModel):
    """A release as its builders signed it. ``archive``: SHA-256 of the archive; ``files``: path -> SHA-256 of each.

    ``command``: argv, with ``{python}`` and ``{port}`` to be filled in by whoever starts it.

    ``configuration``: digest of the archive's ``config.json``. ``secrets``: name -> version, the same as in the
    archive's ``secrets.json``. Both may be empty, as in manifests of before there were any. ``flags``: key -> default,
    the same as in the archive's ``flags.json``; a mere list, as older manifests have it, is read as all off.

    ``schema_revision``: what it needs of the database (expand), run before it takes traffic. ``contract_revision``:
    what takes away that which only older releases need. ``smoke``: argv of its smoke test, with ``{python}`` to be
    filled in.

    ``components``: name -> how the paths of its files begin. Left out of the payload where there are none, so that
    whoever builds an older release anew gets the same bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    service: str
    version: str
    sequence: StrictInt
    digest: str
    archive: str
    files: dict[str, str]
    command: tuple[str, ...]
    schema_revision: str = ""
    flags: dict[str, StrictBool] = {}
    configuration: str = ""
    secrets: dict[str, str] = {}
    contract_revision: str = ""
    smoke: tuple[str, ...] = ()
    components: dict[str, tuple[str, ...]] = {}

    @model_serializer(mode="wrap")
    def _no_components_no_key(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        value: dict[str, Any] = write(self)
        if not self.components:
            del value["components"]
        return value

    @field_validator("flags", mode="before")
    @classmethod
    def _a_list_is_all_off(cls, value: Any) -> Any:
        return dict.fromkeys(value, False) if isinstance(value, list | tuple) else value

    @property
    def archive_name(self) -> str:
        return f"{self.service}-{self.version}.tar.gz"

    def release(self) -> Release:
        secrets = tuple(SecretVersion(name, version) for name, version in sorted(self.secrets.items()))
        return Release(
            self.version,
            self.digest,
            self.sequence,
            self.schema_revision,
            tuple(sorted(self.flags)),
            self.configuration,
            secrets,
            flags_on=tuple(sorted(key for key, on in self.flags.items() if on)),
            contract_revision=self.contract_revision,
            smoke=self.smoke,
            components=component_digests(self.components, self.files),
        )


class Index(BaseModel):
    """``oldest_sequence``: the smallest that may still be promoted. ``vetoed``: digests that must not run any more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    oldest_sequence: StrictInt
    vetoed: tuple[str, ...] = ()

    def contract(self) -> ReleaseIndex:
        return ReleaseIndex(self.oldest_sequence, frozenset(self.vetoed))


@dataclass(frozen=True)
class Details:
    """What a builder adds to a release's files. ``configuration``: a JSON document. ``secrets``: name -> version.
    ``flags``: key -> whether it is on where nothing decides. ``components``: name -> how its files'
    paths begin."""

    service: str
    version: str
    sequence: int
    command: tuple[str, ...]
    schema_revision: str = ""
    flags: Mapping[str, bool] = field(default_factory=dict)
    configuration: bytes | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)
    contract_revision: str = ""
    smoke: tuple[str, ...] = ()
    components: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Built:
    """A release that is ready to be signed: the archive, and the manifest that describes it."""

    manifest: Manifest
    archive: bytes


def build(details: Details, files: Mapping[str, bytes]) -> Built:
    """Pack ``files`` with the release's configuration, its list of secrets and its flags, and describe the whole.

    Raises :class:`UnfitSettingsError` for a configuration, or a secret's or flag's name, that will not do, or if
    ``files`` hold files by the names that these get.
    """
    own = settings_files(details.configuration, details.secrets, details.flags)
    if taken := sorted(own.keys() & files.keys()):
        raise UnfitSettingsError(f"the release's own files hold {', '.join(taken)}, which the build writes")
    check_components(details.components, files)
    complete = {**files, **own}
    archive = pack(complete)
    return Built(describe(details, complete, archive), archive)


def describe(details: Details, files: Mapping[str, bytes], archive: bytes) -> Manifest:
    """The manifest of ``files``, packed as ``archive``; :func:`build` does both."""
    listed = hashes(files)
    return Manifest(
        service=details.service,
        version=details.version,
        sequence=details.sequence,
        digest=files_digest(listed),
        archive=sha256(archive),
        files=listed,
        command=details.command,
        schema_revision=details.schema_revision,
        flags=dict(details.flags),
        configuration=configuration_digest(details.configuration),
        secrets=dict(details.secrets),
        contract_revision=details.contract_revision,
        smoke=details.smoke,
        components=dict(details.components),
    )


def read_manifest(payload: Mapping[str, Any], version: str, what: str) -> Manifest:
    """The manifest in a signed payload. Raises :class:`Rejected` if it is another version's or contradicts itself."""
    manifest = _validated(Manifest, payload, what)
    if manifest.version != version:
        raise Rejected(f"{what}: the signed manifest is of release {manifest.version}, not of {version}")
    try:
        for name in manifest.files:
            check_path(name)
    except UnsafeArchiveError as error:
        raise Rejected(f"{what}: the signed manifest lists a path that is not allowed: {error}") from error
    if MANIFEST in manifest.files:
        raise Rejected(f"{what}: a release must not hold a file {MANIFEST} of its own")
    if (computed := files_digest(manifest.files)) != manifest.digest:
        raise Rejected(f"{what}: the signed digest is {manifest.digest}, but the listed files give {computed}")
    if fault := _settings_fault(manifest) or _flags_fault(manifest, payload):
        raise Rejected(f"{what}: {fault}", next_step="build the release anew")
    if fault := components_fault(manifest.components, manifest.files):
        raise Rejected(f"{what}: {fault}", next_step="build the release anew")
    return manifest


def _settings_fault(manifest: Manifest) -> str:
    """What is said about configuration and secrets, and is not in the files that the digest covers; "" if all is."""
    configured = manifest.files.get(CONFIG)
    if manifest.configuration and manifest.configuration != f"sha256:{configured}":
        return f"the signed configuration is {manifest.configuration}, but {CONFIG} is sha256:{configured}"
    if not manifest.secrets:
        return ""
    try:
        check_secrets(manifest.secrets)
    except UnfitSettingsError as error:
        return str(error)
    if manifest.files.get(SECRETS) != sha256(canonical(manifest.secrets)):
        return f"the signed list of secrets is not what {SECRETS} holds"
    return ""


def _flags_fault(manifest: Manifest, payload: Mapping[str, Any]) -> str:
    """What the signed flags and the release's own file say differently. Older manifests have a list and no file."""
    try:
        check_flags(manifest.flags)
    except UnfitSettingsError as error:
        return str(error)
    if FLAGS not in manifest.files and not isinstance(payload.get("flags"), Mapping):
        return ""
    listed = sha256(canonical(manifest.flags)) if manifest.flags else None
    return "" if manifest.files.get(FLAGS) == listed else f"the signed flags are not what {FLAGS} holds"


def read_index(payload: Mapping[str, Any], what: str) -> ReleaseIndex:
    """Raises :class:`Rejected`."""
    return _validated(Index, payload, what).contract()


def _validated(kind: type[M], payload: Mapping[str, Any], what: str) -> M:
    try:
        return kind.model_validate(payload)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(p) for p in first["loc"])
        raise Rejected(f"{what}: the signed payload is wrong at {place!r}: {first['msg']}") from error
