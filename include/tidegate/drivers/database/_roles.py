"""Which region's database is the primary. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.drivers.database.contract import DatabaseState
from tidegate.errors import NotYet, Refused, Unreachable


def the_primary(states: Mapping[str, DatabaseState]) -> str:
    """The one region whose database says that it takes writes.

    Raises ``Refused`` if two say so, ``NotYet`` if none does (a promotion may be under way), ``Unreachable`` if none
    answers at all.
    """
    primaries = [region for region, state in states.items() if state.role == "primary"]
    if len(primaries) == 1:
        return primaries[0]
    seen = ", ".join(f"{s.region}: {s.role}{f' ({s.why})' if s.why else ''}" for s in states.values())
    if primaries:
        raise Refused(
            f"{len(primaries)} databases take writes: {' and '.join(primaries)} ({seen})",
            next_step="fence all but one before anything else; writes may have diverged",
        )
    if all(state.role == "unreachable" for state in states.values()):
        raise Unreachable(
            f"no database answers ({seen})", next_step="look at the servers and the connections' addresses"
        )
    raise NotYet(f"no database takes writes ({seen})", next_step="wait for a promotion, or fail over")
