"""Data stays where the policy allows it, or the operation is refused before it begins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.policy.connections import references

EXTRA = "residency"  # of a connection: the area in which what it leads to is, as those say who keep it


def refuse_outside(world: World) -> None:
    """Raises :class:`Refused` if a region or a place is outside what ``residency`` allows, by the policy or by what a
    connection says of where it leads: whoever keeps connections need not be who wrote the policy."""
    found = list(outside(world))
    if found:
        raise Refused(
            f"data would leave {', '.join(world.policy.residency.within)}: {'; '.join(found)}",  # type: ignore[union-attr]  # found only with it
            next_step="move it, or have residency allow it; nothing was changed",
        )


def outside(world: World) -> Iterator[str]:
    """What is outside, in words. A connection that cannot be resolved says nothing here; its driver will."""
    part = world.policy.residency
    if part is None:
        return
    for (group, name), area in part.outside().items():
        yield f"{'region ' if group == 'regions' else ''}{name} is in {area}"
    for reference in references(world.policy):
        with contextlib.suppress(TidegateError, ValueError):
            area = str(world.estate.site.resolve(reference).extra.get(EXTRA) or "")
            if area and area not in part.within:
                yield f"{reference} leads to {area}"
