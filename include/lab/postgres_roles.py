"""The shop's database and who may do what in it. Passwords are stored as SCRAM verifiers, and sent in no statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, LiteralString

from lab.postgres import Cluster, connect
from lab.secret_values import Secrets

if TYPE_CHECKING:
    import psycopg

_LOGINS: tuple[tuple[str, LiteralString], ...] = (
    ("replicator", "replication login"),
    ("shop", "login"),
    ("tidegate", "login"),
    ("scratch", "createdb login"),
    ("dbadmin", "login"),
)
_REWINDS: tuple[LiteralString, ...] = (
    "pg_ls_dir(text, boolean, boolean)",
    "pg_stat_file(text, boolean)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text, bigint, bigint, boolean)",
)
_MOVES: tuple[LiteralString, ...] = ("pg_promote(boolean, integer)", "pg_reload_conf()")
_TURNS: tuple[LiteralString, ...] = ("default_transaction_read_only", "synchronous_standby_names")


def create_roles(cluster: Cluster, secrets: Secrets) -> None:
    """``shop`` owns its database, ``tidegate`` reads everything, ``replicator`` replicates, rewinds and backs up,
    ``scratch`` may make databases, and reads none of the shop's. ``dbadmin`` moves the primary: it ends sessions,
    promotes, and turns the two settings that this needs."""
    with connect(cluster.url(secrets, "postgres", "postgres")) as connection:
        for role, rights in _LOGINS:
            _create_role(connection, role, rights, secrets[f"database-{role}"])
        connection.execute("grant pg_read_all_data, pg_monitor to tidegate")
        connection.execute("grant pg_monitor, pg_signal_backend, pg_checkpoint to dbadmin")
        connection.execute("grant pg_monitor to replicator")  # backups look how far the archive has come
        for function in _REWINDS:
            connection.execute(f"grant execute on function pg_catalog.{function} to replicator")
        for setting in _TURNS:
            connection.execute(f"grant alter system on parameter {setting} to dbadmin")
        connection.execute("create database shop owner shop")
    with connect(cluster.url(secrets, "postgres")) as connection:
        connection.execute("grant shop to dbadmin")  # the schema that both write their notes into is the shop's
        for function in _MOVES:
            connection.execute(f"grant execute on function pg_catalog.{function} to dbadmin")


def _create_role(connection: psycopg.Connection[Any], role: str, rights: LiteralString, password: str) -> None:
    from psycopg import sql

    verifier = connection.pgconn.encrypt_password(password.encode(), role.encode(), b"scram-sha-256").decode()
    statement = sql.SQL("create role {} with {} password {}")
    connection.execute(statement.format(sql.Identifier(role), sql.SQL(rights), sql.Literal(verifier)))
