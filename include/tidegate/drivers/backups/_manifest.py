"""A backup against its own manifest, without any of PostgreSQL's programs: whoever sees the files can look."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_NAME, _SUM = "backup_manifest", '"Manifest-Checksum"'
_OWN = "pg_wal/"  # the log beside the files stands in no manifest; its extent does
_CHUNK = 1 << 20


def wrong(directory: Path, *, in_full: bool) -> str:
    """What is wrong, "" if nothing is. Every file with its size, and the manifest by its own checksum; with ``in_full``
    every file by its checksum too. Raises ``OSError`` for what may not be read."""
    if not directory.is_dir():
        return "its files are gone"
    manifest = _read(directory)
    if isinstance(manifest, str):
        return manifest
    for file in manifest["Files"]:
        path = directory / _path(file)
        if not path.is_file():
            return f"{path.relative_to(directory)} is missing"
        if path.stat().st_size != file["Size"]:
            return f"{path.relative_to(directory)} is not as long as it was"
        if in_full and _sum(path) != file["Checksum"]:
            return f"{path.relative_to(directory)} is not what was written"
    return "" if any((directory / _OWN).iterdir()) else "its part of the log is gone"


def ends(directory: Path) -> tuple[int, int]:
    """Timeline and position at which the backup's own part of the log ends."""
    last = json.loads((directory / _NAME).read_text())["WAL-Ranges"][-1]
    high, low = str(last["End-LSN"]).split("/")
    return int(last["Timeline"]), (int(high, 16) << 32) + int(low, 16)


def _read(directory: Path) -> Mapping[str, Any] | str:
    """The manifest, or what is wrong with it."""
    try:
        text = (directory / _NAME).read_text()
        found: Mapping[str, Any] = json.loads(text)
    except FileNotFoundError:
        return "its manifest is missing"
    except ValueError:
        return "its manifest cannot be read"
    covered = text[: text.rindex(_SUM)]
    if hashlib.sha256(covered.encode()).hexdigest() != found["Manifest-Checksum"]:
        return "its manifest is not what was written"
    return found


def _path(file: Mapping[str, Any]) -> str:
    return (
        str(file["Path"]) if "Path" in file else bytes.fromhex(file["Encoded-Path"]).decode("utf-8", "surrogateescape")
    )


def _sum(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
