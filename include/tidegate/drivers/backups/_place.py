"""The place of the backups on disk: what lies where, and the notes beside it.

``base/<id>`` with ``base/<id>.json``; ``wal``, the log as ``pg_receivewal`` writes it; ``archive.json``, how far that
has come; ``restored/<id>.json`` of each database that runs beside. The files of those lie elsewhere: they belong to the
account that PostgreSQL runs as.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tidegate.drivers._files import replace
from tidegate.drivers.backups.contract import Backup, Restored
from tidegate.drivers.credentials import Credential
from tidegate.errors import Refused, Unreachable

_KNOWN = {"directory", "programs", "account", "beside"}


@dataclass(frozen=True)
class Place:
    """``programs``: where PostgreSQL's own programs are. ``account``: whom a restored server runs as, "" for whoever
    restores. ``beside``: where the files of restored servers go."""

    directory: Path
    programs: Path
    account: str
    beside: Path

    @property
    def base(self) -> Path:
        return self.directory / "base"

    @property
    def wal(self) -> Path:
        return self.directory / "wal"

    @property
    def archive(self) -> Path:
        return self.directory / "archive.json"

    def make(self) -> None:
        """Raises ``Unreachable``."""
        try:
            for path in (self.directory, self.base, self.wal, self.directory / "restored"):
                path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise away(self, error) from None

    def backups(self) -> list[Backup]:
        """As noted, oldest first; whether they are there is another question. Raises ``Unreachable``."""
        try:
            found = [Backup(**json.loads(path.read_text())) for path in _notes(self.base)]
        except (OSError, ValueError, TypeError) as error:
            raise away(self, error) from None
        return sorted(found, key=lambda one: (one.started, one.id))

    def note(self, backup: Backup) -> None:
        replace(self.base / f"{backup.id}.json", json.dumps(backup.to_json()), 0o600)

    def forget(self, backup: Backup) -> None:
        """The note first: what has none is no backup."""
        (self.base / f"{backup.id}.json").unlink(missing_ok=True)
        shutil.rmtree(self.base / backup.id, ignore_errors=True)

    def restored(self) -> list[Restored]:
        """As noted, oldest first. Raises ``Unreachable``."""
        try:
            notes = _notes(self.directory / "restored")
            return [Restored(**json.loads(path.read_text())) for path in notes]
        except (OSError, ValueError, TypeError) as error:
            raise away(self, error) from None

    def note_restored(self, restored: Restored) -> None:
        replace(self.restored_note(restored.id), json.dumps(restored.to_json()), 0o600)

    def restored_note(self, name: str) -> Path:
        return self.directory / "restored" / f"{name}.json"

    def data_of(self, restored: str) -> Path:
        return self.beside / f"restored-{restored}"

    def archived(self) -> Mapping[str, Any]:
        """Empty while nothing was noted. Raises ``Unreachable``."""
        try:
            found: Mapping[str, Any] = json.loads(self.archive.read_text())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise away(self, error) from None
        return found


def place_of(credential: Credential) -> Place:
    """From a connection's extras: ``directory``, ``programs``, and if need be ``account`` and ``beside``. Raises
    ``Refused``."""
    given = {key: str(value) for key, value in credential.extra.items()}
    if unknown := sorted(set(given) - _KNOWN):
        raise Refused(
            f"connection {credential.name!r} has extras that are not known: {', '.join(unknown)}",
            next_step=f"known are {', '.join(sorted(_KNOWN))}",
        )
    for must in ("directory", "programs"):
        if not given.get(must):
            raise Refused(
                f"connection {credential.name!r} does not say {must}", next_step=f"add {must} to its extras: a path"
            )
    directory = Path(given["directory"])
    beside = Path(given.get("beside") or directory / "beside")
    account = given.get("account", "") if os.geteuid() == 0 else ""
    return Place(directory, Path(given["programs"]), account, beside)


def _notes(directory: Path) -> list[Path]:
    """Sorted; none where nothing was ever written. ``glob`` would take a directory that may not be read for empty."""
    try:
        return sorted(directory / name for name in os.listdir(directory) if name.endswith(".json"))  # noqa: PTH208
    except FileNotFoundError:
        return []


def new_id(at: float) -> str:
    """Sorts by time."""
    return time.strftime("%Y%m%dT%H%M%S", time.gmtime(at)) + f"-{int(at % 1 * 1000):03d}"


def away(place: Place, error: Exception) -> Unreachable:
    """It is not there, or may not be read."""
    return Unreachable(
        f"the place of the backups, {place.directory}, cannot be read ({type(error).__name__})",
        next_step="look at its disk and at who may read it",
    )
