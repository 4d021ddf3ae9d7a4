"""Search for a secret, plain and in disguise, wherever bytes lie: files, databases, other processes' arguments.

It shares no code with the redaction that it tests.
"""

from __future__ import annotations

import base64
import os
import urllib.parse
from dataclasses import dataclass
from pathlib import Path


def disguises(secret: str) -> dict[str, bytes]:
    """Name of the encoding -> what to look for. Base64 of any text with the secret in it holds, by where the secret
    stands in it, one of three strings; the characters that depend on the neighbours are left out."""
    raw = secret.encode()
    found = {"plain": raw, "hex": raw.hex().encode(), "HEX": raw.hex().upper().encode()}
    found["url"] = urllib.parse.quote(secret, safe="").encode()
    found["json"] = secret.replace("\\", "\\\\").replace('"', '\\"').encode()
    for offset in range(3):
        bits = offset * 8
        first, last = -(-bits // 6), (bits + len(raw) * 8) // 6
        for name, encode in (("base64", base64.b64encode), ("base64url", base64.urlsafe_b64encode)):
            found[f"{name}+{offset}"] = encode(b"x" * offset + raw + b"xxx")[first:last]
    return found


@dataclass(frozen=True)
class Search:
    """Where ``secret`` is."""

    secret: str

    def within(self, data: bytes) -> list[str]:
        """The encodings in which ``data`` holds it."""
        return [name for name, form in disguises(self.secret).items() if form in data]

    def in_files(self, *roots: Path) -> list[Path]:
        """The files below ``roots`` that hold it in any encoding; a root may be a file."""
        files = (path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*"))))
        return [path for path in files if path.is_file() and not path.is_symlink() and self.within(path.read_bytes())]

    def in_processes(self) -> list[int]:
        """The processes of this user whose arguments hold it."""
        return [pid for pid in _own_processes() if self.within(_read(Path(f"/proc/{pid}/cmdline")))]


def _own_processes() -> list[int]:
    return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit() and _owner(p) == os.getuid()]


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except FileNotFoundError:
        return None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
