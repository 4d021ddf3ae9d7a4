"""What every driver of the family refuses."""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.drivers.flags.contract import FlagsState
from tidegate.errors import Refused


def refuse_unfit(keys: Iterable[str], state: FlagsState) -> None:
    """Raises :class:`Refused` for a retired key and for one that is not ours."""
    for key in keys:
        if key in state.retired:
            raise Refused(
                f"flag {key} is retired: a key is never used again, since code that still asks for it would wake up",
                next_step="give the feature a new key",
            )
        if key in state.foreign:
            raise Refused(
                f"flag {key} stands in the source, and was not put there by Tidegate",
                next_step="give the feature another key, or take that flag out by hand first",
            )
