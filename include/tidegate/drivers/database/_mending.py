"""The statements that mend single keys of a projection. Pure: text from a projection and its columns.

Each transaction mends a handful of keys. Rows are locked first, by a statement of its own, and whatever somebody else
holds is skipped, never waited for. The statement after it begins with a new view of the database, which therefore shows
every event of every transaction that has let go of these rows: what is written is what all of them say. A transaction
that has added its event, but has not come to its row yet, waits for ours and then changes a row that is right.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.model.projection import Projection, quoted, row_of

# Below the second after which PostgreSQL looks for deadlocks: should it come to one, it is we who give way.
PATIENCE = 800  # milliseconds for one statement over several keys
PATIENCE_FOR_ONE = 10_000  # a single row that is held blocks nobody in a circle


@dataclass(frozen=True)
class Mending:
    """``columns``: those that the rule gives. ``key_type``: the key's type, as PostgreSQL writes it. Every statement
    takes one parameter, ``keys``, as text."""

    projection: Projection
    columns: tuple[str, ...]
    key_type: str

    def lock(self, strength: str = "NO KEY UPDATE") -> str:
        """The keys of the rows that are ours now."""
        return f"""SELECT p.{self._key}::text FROM {self._table} AS p WHERE p.{self._key} = {self._keys}
ORDER BY p.{self._key} FOR {strength} SKIP LOCKED"""  # noqa: S608

    @property
    def update(self) -> str:
        others = self.projection.compared(self.columns)
        changes = ", ".join(f"{quoted(c)} = d.{quoted(c)}" for c in others)
        return f"""UPDATE {self._table} AS p SET {changes} FROM {self._derived} AS d
WHERE p.{self._key} = {self._keys} AND d.{self._key} = p.{self._key}
AND {row_of("p", others)} IS DISTINCT FROM {row_of("d", others)}"""  # noqa: S608

    @property
    def insert(self) -> str:
        """Rows that are missing. What somebody else adds at the same moment stays as it is."""
        names = ", ".join(quoted(c) for c in self.columns)
        values = ", ".join(f"d.{quoted(c)}" for c in self.columns)
        return f"""INSERT INTO {self._table} ({names}) SELECT {values} FROM {self._derived} AS d
WHERE NOT EXISTS (SELECT 1 FROM {self._table} AS p WHERE p.{self._key} = d.{self._key})
ON CONFLICT DO NOTHING"""  # noqa: S608

    @property
    def delete(self) -> str:
        """Rows that no event explains."""
        return f"""DELETE FROM {self._table} AS p WHERE p.{self._key} = {self._keys}
AND NOT EXISTS (SELECT 1 FROM {self._derived} AS d WHERE d.{self._key} = p.{self._key})"""  # noqa: S608

    @property
    def ambiguous(self) -> str:
        """Keys that the rule derives more than once: no row can be what both say."""
        return f"SELECT d.{self._key}::text FROM {self._derived} AS d GROUP BY 1 HAVING count(*) > 1"  # noqa: S608

    @property
    def _derived(self) -> str:
        """What the rule gives for the keys alone. The condition stands inside, so that it reaches the log's index."""
        rule = self.projection.rule.replace("%", "%%")  # the driver takes a single one for a parameter's place
        return f"(SELECT * FROM (\n{rule}\n) AS derived WHERE derived.{self._key} = {self._keys})"  # noqa: S608

    @property
    def _keys(self) -> str:
        return f"ANY(%(keys)s::{self.key_type}[])"

    @property
    def _table(self) -> str:
        return quoted(self.projection.projection)

    @property
    def _key(self) -> str:
        return quoted(self.projection.key)
