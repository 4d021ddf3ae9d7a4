"""What this process really runs: the digest of the files it was started from, read once, when the process starts."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

NOT_SIGNED = frozenset({"manifest.json", "signatures.json"})  # at the root: they describe the files


def digest_of(root: Path) -> str:
    """``sha256:`` + hex over the canonical JSON of {relative path: SHA-256 of the content}, every file below ``root``.

    Bytecode caches are left out: the release's command never reads any.
    """
    files = {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    signed = {name: value for name, value in files.items() if name not in NOT_SIGNED}
    text = json.dumps(signed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


DIGEST = digest_of(Path(__file__).resolve().parent.parent)
