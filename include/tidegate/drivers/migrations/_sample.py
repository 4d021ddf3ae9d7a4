"""A copy of a source's schema, and some rows of each table with the rows that they refer to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tidegate.drivers.migrations._picture import OURS, dump, tables
from tidegate.errors import Rejected

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOREIGN_KEYS = """
select quote_ident(n.nspname)||'.'||quote_ident(c.relname), quote_ident(m.nspname)||'.'||quote_ident(p.relname),
       array(select a.attname::text from unnest(t.conkey) with ordinality k(n, i)
               join pg_attribute a on a.attrelid = t.conrelid and a.attnum = k.n order by k.i),
       array(select a.attname::text from unnest(t.confkey) with ordinality k(n, i)
               join pg_attribute a on a.attrelid = t.confrelid and a.attnum = k.n order by k.i)
  from pg_constraint t join pg_class c on c.oid = t.conrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_class p on p.oid = t.confrelid join pg_namespace m on m.oid = p.relnamespace
 where t.contype = 'f' and t.conparentid = 0
"""
_SEQUENCES = """
select quote_ident(n.nspname)||'.'||quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind = 'S' and n.nspname not in ('pg_catalog', 'information_schema')
"""
_SIZES = """
select quote_ident(n.nspname)||'.'||quote_ident(c.relname), c.reltuples::bigint,
       pg_relation_size(c.oid) / greatest(1, 100)
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
 where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class ForeignKey:
    child: str
    parent: str
    columns: tuple[str, ...]
    refers_to: tuple[str, ...]


def sizes(source: Connection) -> dict[str, int]:
    """Rows of each table as the planner believes; where it was never analysed, guessed at 100 bytes a row."""
    found = {name: int(known if known >= 0 else guess) for name, known, guess in source.exec_driver_sql(_SIZES)}
    source.rollback()
    return found


def foreign_keys(connection: Connection) -> list[ForeignKey]:
    found = connection.exec_driver_sql(_FOREIGN_KEYS)
    return [ForeignKey(child, parent, tuple(columns), tuple(refers)) for child, parent, columns, refers in found]


def copy_with_dump(source: Connection, target: Connection, pg_dump: Path, sample: int) -> tuple[str, ...]:
    """The source's schema by pg_dump, ``sample`` rows a table put in before constraints and triggers are. What could
    not be copied, in words. Raises ``Rejected``."""
    url = source.engine.url
    _execute(target, dump(pg_dump, url, ["--section=pre-data", f"--exclude-schema={OURS}"]))
    left_out = _copy_rows(source, target, sample, keys=True)
    _execute(target, dump(pg_dump, url, ["--section=post-data", f"--exclude-schema={OURS}"]))
    return left_out


def copy_rows_only(source: Connection, target: Connection, sample: int, version_table: str) -> tuple[str, ...]:
    """Rows into a schema that stands already, parents first, triggers held off."""
    return _copy_rows(source, target, sample, keys=False, but=version_table)


def _execute(target: Connection, script: str) -> None:
    import psycopg

    lines = [line for line in script.splitlines() if not line.startswith("\\")]
    raw = target.connection.dbapi_connection
    assert raw is not None
    try:
        raw.cursor().execute("\n".join(lines).replace("CREATE SCHEMA public;", ""))
        raw.cursor().execute("reset search_path")
        raw.commit()
    except psycopg.Error as error:
        raise Rejected(
            f"the copy of the source's schema cannot be made: {str(error).strip()}",
            next_step="what is missing may be an extension or a role: use a scratch server like the source's",
        ) from error


def _copy_rows(source: Connection, target: Connection, sample: int, *, keys: bool, but: str = "") -> tuple[str, ...]:
    there = dict(tables(target, but))
    links = foreign_keys(source)
    rows = {name: _some(source, name, sample) for name, _ in tables(source, but)}
    for name in rows:
        _complete(source, rows, [link for link in links if link.child == name and link.parent != name])
    left_out: list[str] = []
    for name in parents_first(list(rows), links):
        if name not in there:
            left_out.append(f"{name}: not in the scratch schema")
        elif why := _put(target, name, there[name], rows[name], triggers=keys):
            left_out.append(f"{name}: {why}")
    _advance_sequences(source, target)
    source.rollback()
    target.commit()
    return tuple(left_out)


def _advance_sequences(source: Connection, target: Connection) -> None:
    """To where the source's stand: else what is written next would get a sampled row's number."""
    there = set(target.exec_driver_sql(_SEQUENCES).scalars())
    for name in there & set(source.exec_driver_sql(_SEQUENCES).scalars()):
        at, called = source.exec_driver_sql(f"select last_value, is_called from {name}").one()  # noqa: S608
        target.exec_driver_sql(
            "select setval(%(name)s::regclass, %(at)s, %(called)s)", {"name": name, "at": at, "called": called}
        )


def parents_first(names: list[str], links: list[ForeignKey]) -> list[str]:
    """``names`` so that what is referred to comes before what refers to it; a ring is broken anywhere. Pure."""
    needs = {name: {link.parent for link in links if link.child == name and link.parent != name} for name in names}
    ordered: list[str] = []
    while needs:
        free = [name for name in names if name in needs and not needs[name] & needs.keys()] or [next(iter(needs))]
        ordered += free
        for name in free:
            del needs[name]
    return ordered


def _some(source: Connection, name: str, sample: int) -> list[Mapping[str, Any]]:
    found = source.exec_driver_sql(f"select to_jsonb(t)::text from {name} t limit {int(sample)}")  # noqa: S608
    return list(found.scalars())


def _complete(source: Connection, rows: dict[str, list[Any]], links: list[ForeignKey]) -> None:
    """Add the parents that sampled rows refer to and the sample of their table has not, and theirs in turn."""
    for link in links:
        on = " and ".join(f'p."{r}" = c."{k}"' for k, r in zip(link.columns, link.refers_to, strict=True))
        found = source.exec_driver_sql(
            f"select distinct to_jsonb(p)::text from jsonb_populate_recordset(null::{link.child}, %(rows)s::jsonb) c "  # noqa: S608
            f"join {link.parent} p on {on}",
            {"rows": f"[{','.join(rows[link.child])}]"},
        ).scalars()
        known = set(rows.get(link.parent, ()))
        if fresh := [row for row in found if row not in known]:
            rows[link.parent] = [*rows.get(link.parent, ()), *fresh]
            _complete(source, rows, [])


def _put(target: Connection, name: str, columns: list[str], rows: list[Any], *, triggers: bool) -> str:
    """Insert ``rows`` (JSON texts); "" or why it did not go."""
    from sqlalchemy.exc import DBAPIError

    if not rows:
        return ""
    listed = ", ".join(f'"{column}"' for column in columns)
    hold, free = ("", "") if triggers else (f"alter table {name} disable trigger user", "enable")
    try:
        with target.begin_nested():
            if hold:
                target.exec_driver_sql(hold)
            target.exec_driver_sql(
                f"insert into {name} ({listed}) overriding system value "  # noqa: S608
                f"select {listed} from jsonb_populate_recordset(null::{name}, %(rows)s::jsonb)",
                {"rows": f"[{','.join(rows)}]"},
            )
            if free:
                target.exec_driver_sql(f"alter table {name} enable trigger user")
    except DBAPIError as error:
        return str(error.orig).strip().splitlines()[0]
    return ""
