"""Where Airflow is and who asks it: from the environment, never from a command line."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from tidegate.errors import Refused
from tidegate.remote.airflow import Airflow

URL, USER, PASSWORD, TOKEN = (f"TIDEGATE_AIRFLOW_{name}" for name in ("URL", "USER", "PASSWORD", "TOKEN"))
FILE = "_FILE"  # each secret may instead lie in the file that the variable with this ending names


def connect(environ: Mapping[str, str] | None = None) -> Airflow:
    """A session. Sends nothing yet. Raises :class:`Refused` for what is missing."""
    given = os.environ if environ is None else environ
    address = given.get(URL, "").rstrip("/")
    if not address.startswith(("http://", "https://")):
        raise Refused(f"{URL} does not say where Airflow is", next_step=f"{URL}=https://airflow.example.org")
    token, user, password = _secret(given, TOKEN), given.get(USER, ""), _secret(given, PASSWORD)
    if not token and not (user and password):
        raise Refused(
            "nobody's name to ask Airflow with",
            next_step=f"set {USER} and {PASSWORD} (or {PASSWORD}{FILE}), or {TOKEN} (or {TOKEN}{FILE})",
        )
    return Airflow(address, user, password, token)


def named(environ: Mapping[str, str]) -> bool:
    """Whether anybody's name to ask with is given, whether it is of use or not."""
    return any(environ.get(name) for name in (USER, PASSWORD, PASSWORD + FILE, TOKEN, TOKEN + FILE))


def _secret(given: Mapping[str, str], name: str) -> str:
    path = given.get(name + FILE)
    try:
        return Path(path).read_text().strip() if path else given.get(name, "")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"the file that {name}{FILE} names cannot be read: {type(error).__name__}") from None
