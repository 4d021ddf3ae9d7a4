"""``conn://name``: how a driver gets addresses and secrets without a policy holding any."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tidegate.errors import Refused
from tidegate.redaction import remember

SCHEME = "conn://"
_SECRET_WORDS = ("password", "secret", "token", "private", "passphrase", "api_key", "apikey")


@dataclass(frozen=True)
class Credential:
    """One resolved connection. ``password`` stays out of ``repr``; it and the extras whose names say that they are
    secret stay out of every error text."""

    name: str
    scheme: str
    host: str
    port: int | None
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    path: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        remember(self.password)
        for name, value in self.extra.items():
            if isinstance(value, str) and any(word in name.lower() for word in _SECRET_WORDS):
                remember(value)

    @property
    def address(self) -> str:
        """``scheme://host:port``, without login or password."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}"


Resolver = Callable[[str], Credential]


class NotingResolver:
    """A resolver that knows which connections it was asked for, so that a journal row can name them."""

    def __init__(self, resolve: Resolver) -> None:
        self._resolve = resolve
        self._names: set[str] = set()

    def __call__(self, reference: str) -> Credential:
        self._names.add(connection_name(reference))
        return self._resolve(reference)

    @property
    def names(self) -> tuple[str, ...]:
        """Sorted."""
        return tuple(sorted(self._names))


def from_environment(reference: str) -> Credential:
    """Resolve ``conn://shop_db_east`` from ``AIRFLOW_CONN_SHOP_DB_EAST`` (a URI, or Airflow's JSON form).

    The same variable serves Airflow and break-glass. Raises :class:`Refused` naming the variable, never its value.
    """
    name = connection_name(reference)
    variable = f"AIRFLOW_CONN_{name.upper()}"
    raw = os.environ.get(variable)
    if not raw:
        raise Refused(
            f"connection {name!r} is not defined",
            next_step=f"set {variable} to a URI, or define the connection in Airflow's secrets backend",
        )
    return parse_connection(name, raw)


def connection_name(reference: str) -> str:
    """The name in ``conn://name``. Raises :class:`Refused` for anything else."""
    if not reference.startswith(SCHEME) or not reference.removeprefix(SCHEME):
        raise Refused(f"{reference!r} is not a connection reference", next_step=f"write {SCHEME}<connection id>")
    return reference.removeprefix(SCHEME)


def parse_connection(name: str, raw: str) -> Credential:
    """Parse Airflow's URI or JSON form of a connection."""
    if raw.lstrip().startswith("{"):
        data = json.loads(raw)
        extra = data.get("extra") or {}
        return Credential(
            name=name,
            scheme=data.get("conn_type", ""),
            host=data.get("host") or "",
            port=int(data["port"]) if data.get("port") else None,
            login=data.get("login"),
            password=data.get("password"),
            path=data.get("schema") or "",
            extra=json.loads(extra) if isinstance(extra, str) else extra,
        )
    parts = urlsplit(raw)
    return Credential(
        name=name,
        scheme=parts.scheme,
        host=unquote(parts.hostname or ""),
        port=parts.port,
        login=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        path=parts.path.lstrip("/"),
        extra=dict(parse_qsl(parts.query)),
    )
