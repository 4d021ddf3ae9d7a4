"""The session cookie: ``<public id>.<secret>``. The public id may be logged; of the secret only a hash is stored."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field

NAME = "shop_session"
_VALUE = re.compile(r"([0-9a-f]{16})\.([0-9a-f]{32})")


@dataclass(frozen=True)
class SessionToken:
    """A session as its holder knows it."""

    public_id: str
    secret: str = field(repr=False)

    @property
    def secret_hash(self) -> str:
        return hashlib.sha256(self.secret.encode()).hexdigest()

    @property
    def value(self) -> str:
        return f"{self.public_id}.{self.secret}"


def new_token() -> SessionToken:
    return SessionToken(secrets.token_hex(8), secrets.token_hex(16))


def parse_token(value: str | None) -> SessionToken | None:
    """The token in a cookie's value, None for anything malformed."""
    match = _VALUE.fullmatch(value or "")
    return SessionToken(match[1], match[2]) if match else None
