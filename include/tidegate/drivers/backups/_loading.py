"""Everything of a restored database into an empty one of the live server: one program reads, one writes, no file."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tidegate.drivers.backups._place import Place
from tidegate.drivers.backups._programs import LONGEST, conninfo, last_line, pass_file, process
from tidegate.drivers.backups.contract import Restored
from tidegate.drivers.credentials import Credential
from tidegate.errors import Refused, Rejected, Unreachable

if TYPE_CHECKING:
    from tidegate.drivers.backups._swap import Names

LOADING = "tidegate-restore"
_LISTS = frozenset(  # settings whose value is a list of names, which is not to be quoted as one
    {"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries"}
)
_SHAPE = """
SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider::text, datconnlimit FROM pg_database
WHERE datname = %s"""
_RIGHTS = """
SELECT CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END, a.privilege_type, a.is_grantable
FROM pg_database d, aclexplode(d.datacl) a WHERE d.datname = %s"""
_SETTINGS = """
SELECT CASE s.setrole WHEN 0 THEN NULL ELSE pg_get_userbyid(s.setrole) END, unnest(s.setconfig)
FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = %s"""
_READS = ("--format=custom", "--compress=0", "--no-subscriptions")
_WRITES = ("--single-transaction", "--exit-on-error", "--no-subscriptions")


def make_empty(connection: Any, names: Names, owner: str) -> None:
    """An empty database of the live one's shape; whatever has its name is dropped. Raises ``Refused``."""
    from psycopg import sql

    encoding, collate, ctype, provider, _ = connection.execute(_SHAPE, (names.live,)).fetchone()
    if provider != "c":
        raise Refused(
            f"{names.live} sorts by a provider other than libc, which is not built", next_step="swap it by hand"
        )
    drop(connection, names.copy)
    make = "CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}"
    words = (sql.Literal(one) for one in (encoding, collate, ctype))
    connection.execute(sql.SQL(make).format(sql.Identifier(names.copy), sql.Identifier(owner), *words))


def drop(connection: Any, name: str) -> None:
    from psycopg import sql

    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def pump(place: Place, copy: Credential, names: Names, restored: Restored) -> None:
    """All or nothing: the writing program has one transaction. Raises ``Rejected`` with what a program said."""
    source = replace(copy, host=restored.host, port=restored.port, extra={})
    with pass_file({"from": source, "to": copy}) as secret, tempfile.TemporaryFile() as said:
        reads = [str(place.programs / "pg_dump"), *_READS, "-d", _to(source, secret, names.live)]
        writes = [str(place.programs / "pg_restore"), *_WRITES, "-d", _to(copy, secret, names.copy)]
        codes = _piped(place, reads, writes, said)
        said.seek(0)
        if any(codes):
            raise Rejected(f"the copy was not loaded: {last_line(said.read().decode(errors='replace'))}")


def finish(connection: Any, names: Names) -> None:
    """Today's rights and settings of the live database, and the mark that all is there."""
    from psycopg import sql

    copy = sql.Identifier(names.copy)
    limit = connection.execute(_SHAPE, (names.live,)).fetchone()[4]
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT {}").format(copy, sql.Literal(limit)))
    _grant(connection, names.live, copy)
    for role, setting in connection.execute(_SETTINGS, (names.live,)).fetchall():
        _set(connection, copy, role, *setting.split("=", 1))
    connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(copy, sql.Literal(names.mark)))


def _grant(connection: Any, live: str, copy: Any) -> None:
    from psycopg import sql

    rights = connection.execute(_RIGHTS, (live,)).fetchall()
    if rights:  # none: as a new database has them
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(copy))
    for grantee, right, grantable in rights:
        whom = sql.SQL("PUBLIC") if grantee is None else sql.Identifier(grantee)
        may_pass_on = sql.SQL(" WITH GRANT OPTION" if grantable else "")
        connection.execute(sql.SQL("GRANT {} ON DATABASE {} TO {}{}").format(sql.SQL(right), copy, whom, may_pass_on))


def _set(connection: Any, copy: Any, role: str | None, name: str, value: str) -> None:
    from psycopg import sql

    whose = sql.SQL("ALTER DATABASE {}").format(copy)
    if role is not None:
        whose = sql.SQL("ALTER ROLE {} IN DATABASE {}").format(sql.Identifier(role), copy)
    setting = sql.SQL(".").join(sql.Identifier(part) for part in name.split("."))
    if name in _LISTS:
        connection.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.execute(whose + sql.SQL(" SET {} FROM CURRENT").format(setting))
        connection.execute(sql.SQL("RESET {}").format(setting))
    else:
        connection.execute(whose + sql.SQL(" SET {} = {}").format(setting, sql.Literal(value)))


def _to(credential: Credential, secret: Any, database: str) -> str:
    return conninfo(credential, secret, LOADING) + f" dbname='{database}'"


def _piped(place: Place, reads: list[str], writes: list[str], said: Any) -> tuple[int, int]:
    """The exit codes. Whoever is left when the other one has failed is ended."""
    given = process(place)
    del given["stdin"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        reader = subprocess.Popen(reads, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said, **given)  # noqa: S603
        started.append(reader)
        writer = subprocess.Popen(writes, stdin=reader.stdout, stdout=subprocess.DEVNULL, stderr=said, **given)  # noqa: S603
        started.append(writer)
        assert reader.stdout is not None
        reader.stdout.close()  # the writer's alone: so the reader sees its end
        return writer.wait(LONGEST), reader.wait(60)
    except OSError as error:
        raise Unreachable(f"the copy was not loaded: {error}", next_step="correct `programs`") from None
    except subprocess.TimeoutExpired:
        raise Rejected("the copy was not loaded in time") from None
    finally:
        for one in started:
            with contextlib.suppress(ProcessLookupError):
                one.kill()
            one.wait()
