"""PostgreSQL 18 in both regions: a primary in east, a streaming standby in west.

Only the primary takes writes; the standby's connection to it passes a lab link. A server starts as a standby whatever
it was before (:mod:`lab.outlets`), so the lab's own start promotes east. No password stands in an argv.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

from lab import children, outlets
from lab.places import write_private
from lab.ports import ADDRESS, LOOPBACK
from lab.postgres_user import Installation
from lab.secret_values import Secrets
from tidegate.errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

DATABASE = "shop"
_SETTINGS = {
    "listen_addresses": ADDRESS,
    "unix_socket_directories": "",
    "max_connections": "120",
    "shared_buffers": "64MB",
    "dynamic_shared_memory_type": "mmap",  # in the data directory, so that a killed server leaves nothing elsewhere
    "io_method": "sync",
    "wal_level": "replica",
    "max_wal_senders": "10",  # not below initdb's default, or the first start as a standby is refused
    "max_replication_slots": "8",
    "max_slot_wal_keep_size": "1GB",
    "wal_keep_size": "256MB",  # what a rewind needs is older than the slot that is made for it
    "max_logical_replication_workers": "0",
    "hot_standby": "on",
    "hot_standby_feedback": "on",
    "wal_retrieve_retry_interval": "100ms",  # the default of 5 s made one promotion in four wait for it
    "wal_receiver_timeout": "5s",
    "wal_sender_timeout": "5s",
    "fsync": "on",
    "jit": "off",
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "password_encryption": "scram-sha-256",
}
_PATIENT = "options='-c wal_sender_timeout=60s'"  # a copy is not given up because a disk is busy for some seconds


@dataclass(frozen=True)
class Cluster:
    """One region's database server."""

    region: str
    port: int
    installation: Installation

    @property
    def data(self) -> Path:
        return self.installation.data / self.region

    def command(self) -> list[str]:
        """The server in the foreground, as a standby."""
        argv = [str(self.installation.programs / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        return outlets.start_command(self.region, self.installation.data, argv)

    def url(self, secrets: Secrets, role: str = "tidegate", database: str = DATABASE, port: int | None = None) -> str:
        """A libpq URL with its secret; never printed."""
        return f"postgresql://{role}:{secrets[f'database-{role}']}@{ADDRESS}:{port or self.port}/{database}"


def create_primary(cluster: Cluster, source_port: int, secrets: Secrets) -> None:
    """Make an empty cluster; whatever stood in its directory is gone. Should it ever be a standby, it follows the one
    that answers at ``source_port`` (a lab link). Raises ``Rejected``."""
    _fresh_directory(cluster)
    with _own_file(cluster, secrets["database-postgres"]) as password_file:
        options = ["-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"]
        _run(cluster, "initdb", "-D", str(cluster.data), "--encoding=UTF8", "--locale=C", *options)
    with (cluster.data / "postgresql.conf").open("a") as conf:
        conf.writelines(f"{key} = '{value}'\n" for key, value in _SETTINGS.items())
        conf.write("include_if_exists = 'region.conf'\n")
    follow(cluster, source_port, secrets)
    name(cluster)


def create_standby(cluster: Cluster, source_port: int, secrets: Secrets) -> None:
    """Copy the primary that answers at ``source_port`` (a lab link) and follow it from then on."""
    copy(cluster, source_port, secrets, "-C")
    follow(cluster, source_port, secrets)
    name(cluster)


def copy(cluster: Cluster, source_port: int, secrets: Secrets, *options: str) -> None:
    """Copy the primary's files; ``-C`` makes the slot as well, else it has to be there."""
    _fresh_directory(cluster)
    with _pass_file(cluster, source_port, secrets) as pass_file:
        source = f"host={ADDRESS} port={source_port} user=replicator passfile={pass_file} {_PATIENT}"
        flags = ["-X", "stream", "-c", "fast", "-S", cluster.region, "--no-sync", "--no-manifest", *options]
        _run(cluster, "pg_basebackup", "-D", str(cluster.data), "-d", source, *flags)


def rewind(cluster: Cluster, source_port: int, secrets: Secrets) -> str:
    """Take the stopped cluster back to where it parted from the primary. What was said. Raises ``Rejected``."""
    with _pass_file(cluster, source_port, secrets) as pass_file:
        source = f"host={ADDRESS} port={source_port} user=replicator passfile={pass_file} dbname=postgres"
        return _run(cluster, "pg_rewind", "-D", str(cluster.data), "--source-server", source, "--no-sync")


def follow(cluster: Cluster, source_port: int, secrets: Secrets) -> None:
    """Make the stopped cluster a standby of the one at ``source_port``."""
    pass_file = cluster.data / "replication.pass"
    write_private(pass_file, f"{ADDRESS}:{source_port}:*:replicator:{secrets['database-replicator']}\n")
    source = f"host={ADDRESS} port={source_port} user=replicator passfile={pass_file}"
    text = f"primary_conninfo = '{source} connect_timeout=3'\nprimary_slot_name = '{cluster.region}'\n"
    (cluster.data / "region.conf").write_text(text)
    (cluster.data / "standby.signal").touch()
    for path in (pass_file, cluster.data / "region.conf", cluster.data / "standby.signal"):
        cluster.installation.account.own(path)


def promote(cluster: Cluster, secrets: Secrets) -> None:
    """The lab's own start: there is no other server yet."""
    with connect(cluster.url(secrets, "postgres", "postgres")) as connection:
        connection.execute("select pg_promote(true, 20)")


def empty(cluster: Cluster, secrets: Secrets) -> None:
    """Empty every table of the shop, past the trigger that keeps its event log append-only."""
    from psycopg import sql

    with connect(cluster.url(secrets, "postgres")) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute("set lock_timeout = '5s'")
        rows = connection.execute(
            "select tablename from pg_tables where schemaname = 'public' and tablename <> 'alembic_version'"
        ).fetchall()
        if rows:
            tables = sql.SQL(", ").join(sql.Identifier(name) for (name,) in rows)
            connection.execute(sql.SQL("truncate {} restart identity").format(tables))


def await_role(cluster: Cluster, secrets: Secrets, *, standby: bool, within: float, database: str = DATABASE) -> None:
    """Return once the server answers and is what it should be. Raises :class:`Unreachable`, with its last words."""
    import psycopg

    deadline, last = time.monotonic() + within, "no answer"
    while time.monotonic() < deadline:
        try:
            with connect(cluster.url(secrets, "postgres", database)) as connection:
                row = connection.execute("select pg_is_in_recovery()").fetchone()
            if row == (standby,):
                return
            last = f"it is {'a primary' if standby else 'in recovery'}"
        except psycopg.OperationalError as error:
            last = str(error).strip().splitlines()[-1]
        time.sleep(0.05)
    raise Unreachable(
        f"PostgreSQL {cluster.region} on port {cluster.port} was not ready within {within:.0f} s: {last}",
        next_step=f"read the log of {cluster.region}-postgres",
    )


def is_primary(cluster: Cluster, secrets: Secrets) -> bool:
    """Whether the server answers, and is no standby."""
    import psycopg

    try:
        with connect(cluster.url(secrets, "postgres")) as connection:
            return connection.execute("select pg_is_in_recovery()").fetchone() == (False,)
    except psycopg.OperationalError:
        return False


def await_streaming(primary: Cluster, secrets: Secrets, region: str, within: float) -> None:
    """Return once the primary sees the standby of ``region`` streaming. Raises :class:`Unreachable`."""
    query: LiteralString = "select 1 from pg_stat_replication where application_name = %s and state = 'streaming'"
    deadline = time.monotonic() + within
    with connect(primary.url(secrets, "postgres", "postgres")) as connection:
        while connection.execute(query, (region,)).fetchone() is None:
            if time.monotonic() >= deadline:
                raise Unreachable(f"the standby in {region} does not stream", next_step="read its log and the links'")
            time.sleep(0.05)


@contextmanager
def connect(url: str) -> Iterator[psycopg.Connection[Any]]:
    """One autocommitting connection, closed at the end."""
    import psycopg

    with psycopg.connect(url, autocommit=True, connect_timeout=3) as connection:
        yield connection


def name(cluster: Cluster) -> None:
    """Say who this is and who may connect. A standby announces itself to its primary under ``cluster_name``, so a copy
    must not keep the other's."""
    conf = cluster.data / "postgresql.conf"
    lines = [line for line in conf.read_text().splitlines() if not line.startswith("cluster_name")]
    conf.write_text("\n".join([*lines, f"cluster_name = '{cluster.region}'"]) + "\n")
    who = f"{LOOPBACK}/32" if ADDRESS == LOOPBACK else "samenet"
    hba = f"host all all {who} scram-sha-256\nhost replication replicator {who} scram-sha-256\n"
    (cluster.data / "pg_hba.conf").write_text(hba)


def _fresh_directory(cluster: Cluster) -> None:
    shutil.rmtree(cluster.data, ignore_errors=True)
    cluster.data.mkdir(mode=0o700, parents=True)
    cluster.installation.account.own(cluster.data)


def _pass_file(cluster: Cluster, port: int, secrets: Secrets) -> AbstractContextManager[Path]:
    return _own_file(cluster, f"{ADDRESS}:{port}:*:replicator:{secrets['database-replicator']}\n")


@contextmanager
def _own_file(cluster: Cluster, text: str) -> Iterator[Path]:
    """A private file that the database's account can read, gone at the end."""
    descriptor, name = tempfile.mkstemp(dir=cluster.installation.data)
    path = Path(name)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        cluster.installation.account.own(path)
        yield path
    finally:
        path.unlink()


def _run(cluster: Cluster, program: str, *arguments: str) -> str:
    installation = cluster.installation
    return children.run(
        [str(installation.programs / program), *arguments],
        env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"},
        directory=installation.data,
        uid=installation.account.uid,
        gid=installation.account.gid,
        errors_too=True,
    )
