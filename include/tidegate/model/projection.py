"""A table that follows from an event log, and the statements that compare the two.

Check and repair share them, so that what is repaired is exactly what was found. The identifiers of a
:class:`Projection` are plain names; its ``rule`` is the policy's own SQL.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tidegate.errors import Refused

_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


@dataclass(frozen=True)
class Projection:
    """``projection``: the table. ``events``: the log's table. ``key``: the column by which a row is known, in the table
    and in what the rule gives. ``rule``: one SELECT that derives every row from the log, under the table's column
    names; it names the log without a schema. ``extra``: what a repair does with rows that no event explains."""

    projection: str
    events: str
    key: str
    rule: str
    extra: str = "keep"

    def __post_init__(self) -> None:
        for name in (self.projection, self.events, self.key):
            plain_name(name)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Projection:
        """Raises ``Refused`` for a name that is none."""
        return cls(**value)

    @property
    def described(self) -> str:
        """A statement without rows whose columns are those that the rule gives."""
        return f"SELECT * FROM (\n{self.rule}\n) AS derived LIMIT 0"  # noqa: S608  # the policy's own statement

    def compared(self, columns: Sequence[str]) -> tuple[str, ...]:
        """The rule's columns besides the key. Raises ``Refused`` if the key is not among them, or one is no name."""
        for column in columns:
            plain_name(column)
        if self.key not in columns:
            raise Refused(
                f"the rule of {self.projection} gives no column {self.key!r} (it gives {', '.join(columns)})",
                next_step=f'write "… as {self.key}" in the rule',
            )
        others = tuple(column for column in columns if column != self.key)
        if not others:
            raise Refused(f"the rule of {self.projection} gives the key alone", next_step="let it give columns too")
        return others

    def differing(self, columns: Sequence[str]) -> str:
        """Rows ``(<key>, difference)`` of every key whose row is not what the events say: ``missing`` (no row),
        ``extra`` (no event), ``wrong``. ``columns``: as :attr:`described` has them."""
        others = self.compared(columns)
        key = quoted(self.key)
        return f"""SELECT coalesce(p.{key}::text, d.{key}::text) AS {key},
  CASE WHEN p.{key} IS NULL THEN 'missing' WHEN d.{key} IS NULL THEN 'extra' ELSE 'wrong' END AS difference
FROM {quoted(self.projection)} AS p FULL JOIN (
{self.rule}
) AS d ON d.{key} = p.{key}
WHERE p.{key} IS NULL OR d.{key} IS NULL OR {row_of("p", others)} IS DISTINCT FROM {row_of("d", others)}"""  # noqa: S608


def row_of(alias: str, columns: Sequence[str]) -> str:
    """Those columns as one value, to be compared with ``IS DISTINCT FROM``."""
    return "ROW(" + ", ".join(f"{alias}.{quoted(column)}" for column in columns) + ")"


def plain_name(name: str) -> str:
    """``name``, if it is one. Raises ``Refused``."""
    if not _NAME.match(name):
        raise Refused(f"{name!r} is not a plain name", next_step="write it in small letters, without a schema")
    return name


def quoted(name: str) -> str:
    """``name`` as an identifier in SQL. Raises ``Refused`` if it is not a plain name."""
    return f'"{plain_name(name)}"'
