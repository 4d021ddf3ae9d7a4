"""Where the journal is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from tidegate.errors import Refused
from tidegate.journal.database import parse
from tidegate.model.home import HOME, home

__all__ = ["HOME", "VARIABLE", "given_url", "journal_url"]

VARIABLE = "TIDEGATE_JOURNAL"
AIRFLOW_DATABASE = "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"


def journal_url(environment: Mapping[str, str] = os.environ) -> str:
    """What :func:`given_url` says, by default a SQLite file under :func:`~tidegate.model.home.home`.

    Raises :class:`Refused` for Airflow's metadata database: the journal must outlive Airflow, and be restored, migrated
    and guarded apart from it. The URL is a secret: it may hold a password.
    """
    url = given_url(environment) or f"sqlite:///{home(environment) / 'journal' / 'journal.sqlite'}"
    airflow = environment.get(AIRFLOW_DATABASE)
    if airflow and _place(parse(url)) == _airflow_place(airflow):
        raise Refused(
            f"{VARIABLE} is the database of {AIRFLOW_DATABASE}: the journal never shares Airflow's metadata database",
            next_step=f"set {VARIABLE} to a database of its own, or unset it for a SQLite file under {HOME}",
        )
    return url


def given_url(environment: Mapping[str, str] = os.environ, variable: str = VARIABLE) -> str | None:
    """The URL in ``TIDEGATE_JOURNAL``, or in the file that ``TIDEGATE_JOURNAL_FILE`` names; None if neither is set.

    A file keeps the password out of the environment, which `docker inspect` and child processes show. Raises
    :class:`Refused` if both are set, or the file cannot be read or is empty.
    """
    url, file = environment.get(variable), environment.get(f"{variable}_FILE")
    if not file:
        return url or None
    if url:
        raise Refused(f"both {variable} and {variable}_FILE are set", next_step=f"unset {variable}")
    try:
        found = Path(file).read_text().strip()
    except OSError as error:
        raise Refused(f"{variable}_FILE names {file}, which cannot be read: {error.strerror}") from None
    if not found:
        raise Refused(f"{variable}_FILE names {file}, which is empty", next_step="write the journal's URL into it")
    return found


def _airflow_place(url: str) -> tuple[str, ...] | None:
    try:
        return _place(make_url(url))
    except (ArgumentError, ValueError):
        return None  # Airflow itself will complain; whatever it is, it is not the journal


def _place(url: URL) -> tuple[str, ...]:
    """What tells databases apart: neither driver, nor user, nor options do."""
    if url.get_backend_name() == "sqlite":
        return ("sqlite", str(Path(url.database or "").resolve()))
    backend = url.get_backend_name().replace("postgresql", "postgres")
    named = url.host or str(url.query.get("host", ""))
    host = {"localhost": "127.0.0.1", "::1": "127.0.0.1"}.get(named, named)
    return (backend, host.lower(), str(url.port or 5432), url.database or url.username or "")
