"""Giving up root for a system user of the witness's own, so that the journal's writer cannot read its key."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from tidegate.errors import Refused
from tidegate.journal.accounts import system_account

USER = "tidegate-witness"


@dataclass(frozen=True)
class Separation:
    """Who the witness runs as, and whether that keeps the journal's writer from the key."""

    user: str
    apart: bool
    says: str


def give_up(user: str, owned: Mapping[Path, Collection[str]], journal: Path | None) -> Separation:
    """Become ``user`` for good, if started as root; it then owns the directories ``owned``.

    ``owned``: directory -> the names that may be in it; anything else there is refused, since a mistyped path must not
    hand a system directory over. ``journal``: its file, if it is one. Raises :class:`Refused`, also naming the
    directory that ``user`` cannot enter. Not root, or ``user`` is root: no change, and the result says so.
    """
    for directory, names in owned.items():
        directory.mkdir(parents=True, exist_ok=True, mode=0o755)
        _holds_only(directory, names)
    if os.geteuid() != 0:
        return _mode_only(pwd.getpwuid(os.geteuid()).pw_name)
    account = _account(user)
    if account.pw_uid == 0:
        return _mode_only(user)
    for directory in owned:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)
    for reached in filter(None, (*owned, journal)):
        _reachable(reached, user)
    return _own_user(user, journal)


def _own_user(user: str, journal: Path | None) -> Separation:
    says = f"the witness runs as the system user {user}; of all users but root it alone can read its key"
    if journal and journal.exists() and journal.stat().st_uid == 0:
        says += "; the journal here is written by root, who can read it too: run the writers as another user"
        return Separation(user, apart=False, says=says)
    return Separation(user, apart=True, says=says)


def _mode_only(user: str) -> Separation:
    says = (
        f"the witness runs as {user}, without a user of its own: its key is kept apart by file mode only, any process "
        f"of {user} on this machine can read it (start it as root and it becomes {USER})"
    )
    return Separation(user, apart=False, says=says)


def _holds_only(directory: Path, names: Collection[str]) -> None:
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in names)
    if foreign:
        raise Refused(
            f"{directory} holds what is not the witness's: {', '.join(foreign[:3])}",
            next_step="give the store and the key each a directory of its own",
        )


def _account(user: str) -> pwd.struct_passwd:
    try:
        return system_account(user)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        raise Refused(
            f"the system user {user} is not there and cannot be made: {said.strip()}",
            next_step=f"add the user {user}, or start the witness without root (file mode alone then keeps its key)",
        ) from None


def _reachable(path: Path, user: str) -> None:
    for directory in reversed(path.absolute().parents):
        if not os.access(directory, os.X_OK):
            raise Refused(
                f"{user} cannot enter {directory}, so it cannot reach {path}",
                next_step=f"chmod o+x {directory}, or put the journal and the store elsewhere",
            )
    if path.exists() and not os.access(path, os.R_OK):
        raise Refused(f"{user} cannot read {path}", next_step=f"chmod o+r {path}")
