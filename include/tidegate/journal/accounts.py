"""System accounts that root lends to what must not run as root."""

from __future__ import annotations

import fcntl
import pwd
import shutil
import subprocess
from pathlib import Path


def system_account(name: str) -> pwd.struct_passwd:
    """The account, made without a home and a shell if it is not there. By one process at a time: two of ``useradd`` at
    once make one account with two numbers. Raises OSError and ``CalledProcessError``."""
    if (found := _found(name)) is not None:
        return found
    program = shutil.which("useradd") or "/usr/sbin/useradd"  # not on everybody's path
    argv = [program, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    with Path("/etc/passwd").open() as accounts:
        fcntl.flock(accounts, fcntl.LOCK_EX)
        if _found(name) is None:
            subprocess.run(argv, check=True, capture_output=True, text=True)  # noqa: S603  # ours, or the operator's
    return pwd.getpwnam(name)


def _found(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
