"""A slot on disk: who wrote it last, and one directory of release files per instance.

``<slots>/<region>-<slot>/slot.json`` holds the epoch and what the slot was told to run; beside it stands
``<digest>/<instance>/`` with the files. Each instance has a copy of its own, as each host of a fleet has: that is what
lets "N of N report the digest" catch the one that is different. ``<digest>/sealed.json``, for the owner's eyes only,
has the secrets that the release takes, for as long as the slot holds the release: instances that start again, and more
of them, need no vault.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import stat
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers._files import append_line, locked, replace
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret
from tidegate.errors import Refused, Rejected
from tidegate.model.canonical import digest
from tidegate.model.release import secrets_digest
from tidegate.model.topology import Arm

MANIFEST = "manifest.json"
NOT_SIGNED = frozenset({MANIFEST, "signatures.json"})  # at the release's root: they describe the files
LOCK_SECONDS = 30.0  # a writer in the slot may be waiting for instances to end


@dataclass(frozen=True)
class Order:
    """What a slot was last told to run, and by whom. ``digest`` None: nothing."""

    epoch: int = 0
    operation: str = ""
    version: str | None = None
    digest: str | None = None
    instances: int = 0
    secrets: str = ""  # digest of the names and versions


class SlotDirectory:
    """The files of one arm below the driver's ``slots`` directory."""

    def __init__(self, slots: Path, arm: Arm) -> None:
        self.arm = arm
        self.path = slots / arm.name
        self._slots = slots
        self._file = self.path / "slot.json"

    @contextlib.contextmanager
    def writing(self, token: Token) -> Iterator[None]:
        """Hold the slot's lock. Raises ``Throttled``."""
        self.path.mkdir(parents=True, exist_ok=True)
        with locked(self.path / "slot.lock", LOCK_SECONDS, token):
            yield

    def order(self) -> Order:
        """Raises :class:`Refused` if the file is there and cannot be understood."""
        try:
            return Order(**json.loads(self._file.read_text()))
        except FileNotFoundError:
            return Order()
        except (ValueError, TypeError) as wrong:
            raise Refused(
                f"{self._file} does not say which epoch wrote it", next_step="look at it; move it away to start anew"
            ) from wrong

    def take(self, order: Order) -> None:
        """Write ``order``, under the lock and after its epoch has been compared."""
        if self.order() != order:
            replace(self._file, json.dumps(asdict(order)))

    def instance(self, release_digest: str, index: int) -> Path:
        """Where the files of instance ``index`` stand."""
        return self.path / release_digest.removeprefix("sha256:") / str(index)

    def unpack(self, source: Path, release_digest: str, index: int) -> None:
        """Put the release's files in the instance's directory, in place of whatever is there. Raises ``Rejected``
        if they are not the release's."""
        target = self.instance(release_digest, index)
        fresh = target.with_name(f".{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(source, fresh)
        if (found := files_digest(fresh)) != release_digest:
            shutil.rmtree(fresh)
            raise Rejected(f"the files fetched for {self.arm} are {found}, the release is {release_digest}")
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)

    def secrets_file(self, release_digest: str) -> Path:
        """``{"versions": {name: version}, "values": {name: value}}``, mode 0600."""
        return self.instance(release_digest, 0).with_name("sealed.json")

    def holds(self, release_digest: str, secrets: str) -> bool:
        """Whether the slot holds the secrets with this digest of names and versions, hidden from others."""
        file = self.secrets_file(release_digest)
        try:
            held = json.loads(file.read_text())
            names = held["versions"].keys()
            hidden = not file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
            return hidden and names == held["values"].keys() and secrets_digest(held["versions"]) == secrets
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def seal(self, release_digest: str, secrets: Sequence[Secret]) -> None:
        """Put the secrets where the instances of the release read them."""
        file = self.secrets_file(release_digest)
        file.parent.mkdir(parents=True, exist_ok=True)
        versions = {secret.which.name: secret.which.version for secret in secrets}
        values = {secret.which.name: secret.value for secret in secrets}
        replace(file, json.dumps({"versions": versions, "values": values}), mode=0o600)

    def forget_others(self, release_digest: str | None) -> None:
        """Drop the directories of every other release. Nothing may run from them any more."""
        keep = (release_digest or "").removeprefix("sha256:")
        for child in self.path.iterdir():
            if child.is_dir() and child.name != keep:
                shutil.rmtree(child)

    def note(self, token: Token, at: float, verb: str, instance: str) -> None:
        """Append an effect that was made to ``<slots>/effects.log``."""
        who = {"epoch": token.epoch, "operation": token.operation}
        append_line(
            self._slots / "effects.log", {"at": at, "arm": self.arm.name, "verb": verb, "instance": instance} | who
        )


def files_digest(root: Path) -> str:
    """The release digest of the files below ``root``: over {path: SHA-256}, without the manifest and the signatures."""
    listed: dict[str, Any] = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_file() and name not in NOT_SIGNED and "__pycache__" not in path.parts:
            listed[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digest(listed)
