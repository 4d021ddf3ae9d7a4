"""Rows that are made up, for tables of a scratch database that has no source: without rows no loss can be seen.

Best effort: a table whose checks want better values stays empty.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tidegate.drivers.migrations._picture import tables
from tidegate.drivers.migrations._sample import ForeignKey, foreign_keys, parents_first

if TYPE_CHECKING:
    from sqlalchemy import Connection

ROWS = 3
_COLUMNS = """
select quote_ident(n.nspname)||'.'||quote_ident(c.relname), a.attname::text, format_type(y.oid, null),
       y.typcategory::text, nullif(a.atttypmod, -1) - 4,
       (select e.enumlabel::text from pg_enum e where e.enumtypid = y.oid order by e.enumsortorder limit 1)
  from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
  join pg_type y on y.oid = a.atttypid
 where c.relkind = 'r' and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
   and n.nspname not in ('pg_catalog', 'information_schema') and c.relname <> %(version_table)s
 order by c.oid, a.attnum
"""


def invent(connection: Connection, version_table: str) -> None:
    """Put :data:`ROWS` rows into each table that has none. Commits."""
    columns: dict[str, list[tuple[Any, ...]]] = {}
    for table, *rest in connection.exec_driver_sql(_COLUMNS, {"version_table": version_table}):
        columns.setdefault(table, []).append(tuple(rest))
    links = foreign_keys(connection)
    for table in parents_first(list(columns), links):
        if not connection.exec_driver_sql(f"select exists (select from {table})").scalar():  # noqa: S608
            _fill(connection, table, columns[table], [link for link in links if link.child == table])
    connection.commit()


def _fill(connection: Connection, table: str, columns: list[tuple[Any, ...]], links: list[ForeignKey]) -> None:
    from sqlalchemy.exc import DBAPIError

    referring = {k: (link.parent, r) for link in links for k, r in zip(link.columns, link.refers_to, strict=True)}
    names = ", ".join(f'"{name}"' for name, *_ in columns)
    for n in range(ROWS):
        values = ", ".join(
            _of_parent(*referring[name], n) if name in referring else value(kind, category, length, label, n)
            for name, kind, category, length, label in columns
        )
        try:
            with connection.begin_nested():
                statement = f"insert into {table} ({names}) overriding system value values ({values})"  # noqa: S608
                connection.exec_driver_sql(statement.replace("%", "%%"))
        except DBAPIError:
            continue


def _of_parent(parent: str, column: str, n: int) -> str:
    count = f"(select count(*) from {parent})"  # noqa: S608
    return f'(select "{column}" from {parent} order by 1 offset {n} % greatest(1, {count}) limit 1)'  # noqa: S608


def value(kind: str, category: str, length: int | None, label: str | None, n: int) -> str:
    """An SQL expression for a value of the type, a different one for each ``n`` where the type has several. Pure."""
    if category == "E":
        return f"'{label}'"
    if kind == "uuid":
        return f"'00000000-0000-4000-8000-00000000000{n}'::uuid"
    if kind in ("json", "jsonb"):
        return f"'{{\"n\": {n}}}'"
    simple = {"B": "true" if n % 2 else "false", "N": str(n + 1), "A": "'{}'", "T": "interval '1 hour'"}
    if category == "D":
        return f"(timestamp '2026-01-01' + interval '{n} day')::{kind}"
    if category == "S":
        text = f"x{n}"
        return f"'{text[-length:] if length and length < len(text) else text}'"
    return simple.get(category, "null")


def take_back(connection: Connection, version_table: str) -> None:
    """Empty every table. Commits."""
    if names := [name for name, _ in tables(connection, version_table)]:
        connection.exec_driver_sql(f"truncate {', '.join(names)} cascade")
    connection.commit()
