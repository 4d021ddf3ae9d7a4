"""The secrets of this installation, generated at its first start: files of mode 0600 in named volumes.

One directory per reader, so that each service is given its own and no other: Airflow's (with the journal role that may
only append), each database's own superuser, Redis's, the witness's (with a role that may only read). What is there is
kept: a second start changes nothing. To renew one, remove its file and those made from it, and start again.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from pathlib import Path

ROOT = Path("/run/tidegate")


def main(root: Path = ROOT, environment: dict[str, str] | None = None) -> int:
    """0: all are there."""
    people = (environment or dict(os.environ)).get("TIDEGATE_PEOPLE", "admin:admin")
    metadata, owner, writer, reader = (
        kept(root / path) for path in ("metadata/password", "journal/owner", "journal/writer", "journal/reader")
    )
    redis = kept(root / "redis/password")
    put(root / "redis/redis.conf", redis_configuration(redis))
    airflow = root / "airflow"
    for name in ("api-secret", "jwt-secret"):
        kept(airflow / name)
    kept(airflow / "fernet-key", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    put(airflow / "metadata-url", postgres("airflow", metadata, "metadata-db", "airflow"))
    put(airflow / "journal-url", postgres("tidegate_writer", writer, "journal-db", "journal"))
    put(airflow / "broker-url", f"redis://:{redis}@redis:6379/0")
    put(airflow / "result-url", f"redis://:{redis}@redis:6379/1")
    put(airflow / "people.json", passwords(people, airflow / "people.json"))
    put(root / "journal/owner-url", postgres("tidegate_owner", owner, "journal-db", "journal"))
    put(root / "witness/journal-url", postgres("tidegate_reader", reader, "journal-db", "journal"))
    connections = root / "connections/connections.json"
    if not connections.exists():
        put(connections, "{}")
    return 0


def kept(path: Path, make: object = None) -> str:
    """The secret in the file; made if there is none."""
    if not path.exists():
        put(path, make() if callable(make) else secrets.token_urlsafe(24))
    return path.read_text()


def put(path: Path, text: str) -> None:
    """Write the file whole or not at all, readable by its owner only. One that holds the same is left alone."""
    if path.exists() and path.read_text() == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{path.name}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def postgres(user: str, password: str, host: str, database: str) -> str:
    return f"postgresql+psycopg://{user}:{password}@{host}:5432/{database}"


def passwords(people: str, path: Path) -> str:
    """Airflow's log-ins, ``name:role,name:role``: whoever has a password keeps it."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    names = [entry.split(":")[0] for entry in people.split(",") if entry]
    return json.dumps({name: known.get(name) or secrets.token_urlsafe(18) for name in names})


def redis_configuration(password: str) -> str:
    """A broker keeps nothing that the metadata database does not know, so nothing is saved to disk."""
    return f'requirepass {password}\nbind 0.0.0.0\nprotected-mode yes\nsave ""\nappendonly no\ndir /tmp\n'


if __name__ == "__main__":
    sys.exit(main())
