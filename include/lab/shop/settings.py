"""What this release is configured with, its flags, and the secrets that this process was given. All read once, at the
start.

``config.json`` and ``flags.json`` are files of the release. The secrets are in the file that ``SHOP_SECRETS_FILE``
names, readable by its owner only: ``{"versions": {name: version}, "values": {name: value}}``.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECEIPT_KEY = "receipt_key"


@dataclass(frozen=True)
class Settings:
    """``configuration``: the release's own document. ``values`` stay out of ``repr`` and of every answer. ``flags``:
    key -> whether it is on where nothing decides."""

    configuration: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    flags: Mapping[str, bool] = field(default_factory=dict)

    @property
    def secrets_digest(self) -> str:
        """Of the names and versions that were loaded; "" if there were none."""
        if not self.versions:
            return ""
        text = json.dumps(dict(self.versions), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def receipt(self, order: str) -> str | None:
        """The signature on an order's receipt; None without a key."""
        key = self.values.get(RECEIPT_KEY)
        return hmac.new(key.encode(), order.encode(), "sha256").hexdigest() if key else None

    def headers(self) -> list[tuple[bytes, bytes]]:
        """For every answer: how the shop is configured, and which key signs receipts, by name and version."""
        shown = []
        if "delivery_days" in self.configuration:
            shown.append((b"x-delivery-days", str(self.configuration["delivery_days"]).encode()))
        if RECEIPT_KEY in self.versions:
            shown.append((b"x-receipt-key", f"{RECEIPT_KEY}/{self.versions[RECEIPT_KEY]}".encode()))
        return shown


def load(root: Path, secrets_file: str | None) -> Settings:
    """The settings of the release below ``root``."""
    document, flags = root / "config.json", root / "flags.json"
    configuration = json.loads(document.read_bytes()) if document.exists() else {}
    asked = json.loads(flags.read_bytes()) if flags.exists() else {}
    sealed = json.loads(Path(secrets_file).read_bytes()) if secrets_file else {}
    return Settings(configuration, sealed.get("versions", {}), sealed.get("values", {}), asked)


SETTINGS = load(Path(__file__).resolve().parent.parent, os.environ.get("SHOP_SECRETS_FILE"))
