"""A database's schema and rows, so that two moments can be compared.

Schemas are compared by the text of ``pg_dump --schema-only`` where that program is there. Without it, by our own
reading of the catalogue, which knows fewer kinds of object; a report says which of the two it was.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tidegate.errors import Refused, Rejected

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

OURS = "tidegate"  # the schema that holds the epoch of the last migration: no part of the service's
BY_DUMP = "pg_dump --schema-only"
BY_CATALOGUE = "the catalogue's tables, columns, constraints, indexes, views, functions, triggers, types (no pg_dump)"

_CATALOGUE = """
select 'column '||c.oid::regclass||'.'||a.attname||' '||format_type(a.atttypid, a.atttypmod)
       ||case when a.attnotnull then ' not null' else '' end||coalesce(' default '||pg_get_expr(d.adbin, d.adrelid), '')
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
 where c.relkind in ('r','p','v','m','S') and a.attnum > 0 and not a.attisdropped and {ours}
union all select 'constraint '||conrelid::regclass||' '||conname||' '||pg_get_constraintdef(t.oid)
  from pg_constraint t join pg_namespace n on n.oid = t.connamespace where conrelid <> 0 and {ours}
union all select 'index '||indexdef from pg_indexes join pg_namespace n on n.nspname = schemaname where {ours}
union all select 'view '||c.oid::regclass||' '||pg_get_viewdef(c.oid)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v','m') and {ours}
union all select 'function '||pg_get_functiondef(p.oid)
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace where p.prokind in ('f','p') and {ours}
union all select 'trigger '||pg_get_triggerdef(g.oid) from pg_trigger g join pg_class c on c.oid = g.tgrelid
  join pg_namespace n on n.oid = c.relnamespace where not g.tgisinternal and {ours}
union all select 'enum '||y.oid::regtype||' '||e.enumlabel from pg_enum e join pg_type y on y.oid = e.enumtypid
  join pg_namespace n on n.oid = y.typnamespace where {ours}
order by 1
""".replace("{ours}", "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'tidegate')")

_TABLES = """
select quote_ident(n.nspname)||'.'||quote_ident(c.relname), array_agg(a.attname::text order by a.attnum)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
 where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'tidegate')
   and c.relname <> %(version_table)s
 group by 1 order by 1
"""


@dataclass(frozen=True)
class TableRows:
    """``whole``: a sum over hashes of the rows, in which neither the rows' nor the columns' order counts."""

    count: int
    whole: str
    columns: Mapping[str, str]


@dataclass(frozen=True)
class Picture:
    schema: tuple[str, ...]
    rows: Mapping[str, TableRows]


@dataclass(frozen=True)
class Camera:
    """``pg_dump``: the program, None to read the catalogue."""

    pg_dump: Path | None
    version_table: str

    @property
    def compares_by(self) -> str:
        return BY_DUMP if self.pg_dump else BY_CATALOGUE

    def take(self, connection: Connection) -> Picture:
        """Schema and rows of the database that ``connection`` is to. Commits, so that nothing stays locked."""
        schema = self.schema(connection)
        rows = {name: _rows(connection, name, columns) for name, columns in tables(connection, self.version_table)}
        connection.commit()
        return Picture(schema, rows)

    def schema(self, connection: Connection) -> tuple[str, ...]:
        if self.pg_dump is not None:
            extra = [f"--exclude-table=*.{self.version_table}", f"--exclude-schema={OURS}"]
            return _lines(dump(self.pg_dump, connection.engine.url, extra))
        lines = connection.exec_driver_sql(_CATALOGUE).scalars().all()
        return tuple(line for line in lines if self.version_table not in line)


def tables(connection: Connection, version_table: str) -> list[tuple[str, list[str]]]:
    """Ordinary tables, quoted with their schema, and their columns; the version table is left out."""
    found = connection.exec_driver_sql(_TABLES, {"version_table": version_table})
    return [(name, list(columns)) for name, columns in found]


def find_pg_dump(given: Path | None) -> Path | None:
    """``given``, or what the path holds. Raises ``Refused`` if the one that was given is not there."""
    if given is not None:
        if not os.access(given, os.X_OK):
            raise Refused(f"there is no program {given}", next_step="name pg_dump, or leave it out")
        return given
    found = shutil.which("pg_dump")
    return Path(found) if found else None


def dump(program: Path, url: URL, options: list[str]) -> str:
    """What ``pg_dump --schema-only`` writes; the password goes by the environment. Raises ``Rejected``."""
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("PG")},
        **{"PGHOST": url.host or "", "PGPORT": str(url.port or 5432), "PGUSER": url.username or ""},
        **{"PGPASSWORD": url.password or "", "PGDATABASE": url.database or "", "PGCONNECT_TIMEOUT": "5"},
        **{f"PG{name.upper()}": value for name, value in url.query.items() if isinstance(value, str)},
    }
    command = [str(program), "--schema-only", "--no-owner", "--no-privileges", "--restrict-key=x", *options]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Rejected(
            f"pg_dump failed: {done.stderr.strip()[-500:]}",
            next_step="use a pg_dump that is at least as new as the server",
        )
    return done.stdout


def _lines(text: str) -> tuple[str, ...]:
    noise = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith(noise))


def _rows(connection: Connection, table: str, columns: list[str]) -> TableRows:
    def hashed(value: str) -> str:
        return f"coalesce(sum(hashtextextended(coalesce({value}::text, ''), 0)::numeric), 0)::text"

    each = [hashed("to_jsonb(t.{})".format('"' + name.replace('"', '""') + '"')) for name in columns]
    statement = f"select count(*), {', '.join([hashed('to_jsonb(t)'), *each])} from {table} t".replace("%", "%%")  # noqa: S608
    count, whole, *rest = connection.exec_driver_sql(statement).one()
    return TableRows(count, whole, dict(zip(columns, rest, strict=True)))
