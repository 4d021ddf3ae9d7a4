"""The shop's schema before and after a scenario, compared as the proof of migrations does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lab.postgres_user import wheel_programs
from lab.story.stage import Stage
from tidegate.drivers.migrations._chain import VERSION_TABLE, current
from tidegate.drivers.migrations._compare import lines
from tidegate.drivers.migrations._picture import Camera
from tidegate.drivers.migrations._scratch import connected


@dataclass(frozen=True)
class Seen:
    """``text``: as ``pg_dump --schema-only`` writes it."""

    revision: str
    text: tuple[str, ...]

    def differs_from(self, before: Seen) -> list[str]:
        """Lines that are not as before."""
        return list(lines(before.text, self.text))


def told(seen: tuple[Seen, Seen] | None) -> dict[str, Any]:
    """For the report: where it is at the end, and what is not as before."""
    if seen is None:
        return {"revision": None, "differs": None}
    before, after = seen
    return {"revision": after.revision, "differs": after.differs_from(before)}


def look(stage: Stage) -> Seen:
    """The primary's schema now."""
    url = stage.primary_url("shop").replace("postgresql://", "postgresql+psycopg://", 1)
    with connected(url) as connection:
        text = Camera(wheel_programs() / "pg_dump", VERSION_TABLE).schema(connection)
        return Seen(current(connection), text)
