"""The last good state of each policy, on disk: ``<service>.json`` with the source text and where it came from.

A snapshot holds the text, not the parsed policy, so that reading it back goes through every check again. It is written
only when the text or the file's name changed, to a file of its own name that is then renamed: readers and other writers
see the old one or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tidegate.errors import PolicyError
from tidegate.policy.source import LIMIT

FORMAT = 1
_LARGEST = 8 * LIMIT  # a character may take six bytes in JSON
_SERVICE = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Snapshot:
    """``file``: name of the policy file, without its directory. ``saved_at``: ISO 8601, UTC."""

    service: str
    file: str
    source: str
    saved_at: str


def write_snapshot(directory: Path, service: str, file: str, source: str) -> None:
    """Keep ``source`` as the service's last good policy. Raises OSError if the directory cannot be written."""
    path = directory / f"{service}.json"
    with contextlib.suppress(PolicyError, FileNotFoundError):  # a corrupt one is replaced
        kept = read_snapshot(path)
        if (kept.file, kept.source) == (file, source):
            return
    body = {
        "format": FORMAT,
        "service": service,
        "file": file,
        "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "sha256": _sha256(source),
        "source": source,
    }
    _replace(path, json.dumps(body, ensure_ascii=False, indent=1).encode())


def _replace(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read_snapshot(path: Path) -> Snapshot:
    """Raises :class:`PolicyError` if it is not what was written, FileNotFoundError if there is none."""
    try:
        value = _parsed(path)
        snapshot = Snapshot(value["service"], value["file"], value["source"], value["saved_at"])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, RecursionError, KeyError, TypeError) as error:
        raise _corrupt(path, f"{type(error).__name__}: {error}"[:200]) from error
    texts = all(isinstance(v, str) for v in (snapshot.service, snapshot.file, snapshot.source, snapshot.saved_at))
    if not texts or value.get("format") != FORMAT or not _SERVICE.fullmatch(snapshot.service):
        raise _corrupt(path, "not a snapshot of this format")
    if snapshot.service != path.stem:
        raise _corrupt(path, f"it is of the service {snapshot.service!r}")
    if value.get("sha256") != _sha256(snapshot.source):
        raise _corrupt(path, "its text is not the one that was saved")
    return snapshot


def _parsed(path: Path) -> Any:
    with path.open("rb") as stream:
        raw = stream.read(_LARGEST + 1)
    if len(raw) > _LARGEST:
        raise ValueError("larger than any snapshot")
    return json.loads(raw)


def _corrupt(path: Path, why: str) -> PolicyError:
    return PolicyError(
        f"this snapshot of a last good policy is damaged ({why})",
        file=str(path),
        next_step="correct the policy file (a good load writes it anew), or remove the snapshot",
    )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
