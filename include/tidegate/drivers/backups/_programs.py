"""Running PostgreSQL's own programs. No secret stands in an argv: it is in a file that only its owner can read."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tidegate.drivers.backups._place import Place
from tidegate.drivers.credentials import Credential
from tidegate.errors import OutcomeUnknown, Refused, Rejected, Unreachable

LONGEST = 12 * 3600.0  # seconds that one program may take


def run(place: Place, program: str, *arguments: str, as_account: bool = False) -> str:
    """What it printed. Raises ``Rejected`` with its last line, ``Unreachable`` if it is not there."""
    argv = [str(place.programs / program), *arguments]
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(  # noqa: S603  argv is ours
            argv, capture_output=True, text=True, check=False, timeout=LONGEST, **process(place, as_account=as_account)
        )
    except OSError as error:
        raise Unreachable(
            f"{program} cannot be run: {error}", next_step="correct `programs` in the connection"
        ) from None
    except subprocess.TimeoutExpired:
        raise OutcomeUnknown(f"{program} took longer than {LONGEST:.0f} s and was ended") from None
    if done.returncode:
        raise Rejected(f"{program}: {last_line(done.stderr or done.stdout)}")
    return done.stdout + done.stderr


def process(place: Place, *, as_account: bool = False) -> dict[str, Any]:
    """How a program is started: nothing of our environment but the path, and in the server's account if asked for."""
    env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    kept = {"LD_LIBRARY_PATH": os.environ["LD_LIBRARY_PATH"]} if "LD_LIBRARY_PATH" in os.environ else {}
    who = account(place) if as_account else None
    lent = {"user": who.pw_uid, "group": who.pw_gid, "extra_groups": []} if who else {}
    return {
        "env": env | kept,
        "stdin": subprocess.DEVNULL,
        "cwd": place.beside if as_account else place.directory,
        **lent,
    }


def account(place: Place) -> pwd.struct_passwd | None:
    """Whom a server runs as; None for whoever we are. Raises ``Refused``."""
    if not place.account:
        if os.geteuid() == 0:
            raise Refused(
                "PostgreSQL does not run as root, and the place of the backups names no account",
                next_step="add `account` to the connection's extras, or restore as another user",
            )
        return None
    try:
        return pwd.getpwnam(place.account)
    except KeyError:
        raise Refused(
            f"there is no account {place.account!r}", next_step="make it, or correct the connection"
        ) from None


def last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"


@contextlib.contextmanager
def pass_file(credentials: Mapping[str, Credential]) -> Iterator[Path]:
    """libpq's, for these servers; gone at the end."""
    descriptor, name = tempfile.mkstemp(prefix="tidegate-pass-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{_pass_line(one)}\n" for one in credentials.values())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _pass_line(one: Credential) -> str:
    login, password = ((text or "").replace("\\", "\\\\").replace(":", "\\:") for text in (one.login, one.password))
    return f"{one.host}:{one.port or 5432}:*:{login}:{password}"


def conninfo(credential: Credential, pass_file: Path, announced: str) -> str:
    """For a program that replicates, without the secret. ``announced``: its name in ``pg_stat_replication``."""
    given = {
        "host": credential.host,
        "port": str(credential.port or 5432),
        "user": credential.login or "",
        "passfile": str(pass_file),
        "application_name": announced,
        "connect_timeout": "5",
        "keepalives_idle": "10",
        "keepalives_interval": "5",
        "keepalives_count": "3",
        **{key: str(value) for key, value in credential.extra.items() if key.startswith("ssl")},
    }
    return " ".join(f"{key}='{_quoted(value)}'" for key, value in given.items() if value)


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace("'", "\\'")
