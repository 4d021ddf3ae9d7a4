"""Flag drivers: what part of the customers sees a new behaviour."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.model.traffic import TOTAL

KEY = r"^[a-z][a-z0-9_]{0,62}$"  # of a flag: it stands in files, headers and log lines
_KEY = re.compile(KEY)


@dataclass(frozen=True)
class Setting:
    """``exposed``: basis points of the customers who see the new behaviour; the same customers each time, and those
    who were exposed last go back first. ``default``: the last value that was known to be good, for whoever cannot be
    told apart."""

    exposed: int
    default: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.exposed <= TOTAL:
            raise ValueError(f"exposed is {self.exposed}, expected 0 to {TOTAL} basis points")

    def __str__(self) -> str:
        return f"{self.exposed / 100:g}% exposed, default {'on' if self.default else 'off'}"


@dataclass(frozen=True)
class Because:
    """Who asked for a change, and why: kept beside the flag."""

    by: str
    why: str


@dataclass(frozen=True)
class FlagsState:
    """What the source holds. ``flags``: ours, as we wrote them. ``foreign``: keys that are not ours. ``edited``: ours,
    changed by somebody else since. ``retired``: never to be used again. ``broken``: why the source cannot be
    understood, empty if it can; then nothing else is known of it but ``epoch``."""

    epoch: int
    flags: Mapping[str, Setting] = field(default_factory=dict)
    foreign: frozenset[str] = frozenset()
    edited: frozenset[str] = frozenset()
    retired: frozenset[str] = frozenset()
    broken: str = ""

    def has(self, desired: Mapping[str, Setting]) -> bool:
        """Whether each of these stands there as written."""
        return all(self.flags.get(key) == setting for key, setting in desired.items())


class Flags(Protocol):
    """Contract of the family.

    * ``apply`` converges the named flags and is idempotent; flags that are not named, and other people's, stay as they
      are. A smaller epoch than the source's is refused with ``LeaseLost``, compared and written under the driver's
      own lock; so is a source that was taken away meanwhile.
    * ``apply`` refuses (``Refused``) a key that is not ours, and a retired one. It writes over what somebody else did
      to a flag of ours, or to the whole source: the verb looks first, and decides.
    * A customer who is exposed at some part is exposed at every greater one.
    """

    def observe(self) -> FlagsState:
        """What stands there now. Raises ``Unreachable``."""
        ...

    def apply(self, desired: Mapping[str, Setting], token: Token, because: Because) -> None:
        """Make each of ``desired`` so. Raises ``LeaseLost``, ``Refused``, ``Unreachable``, ``Throttled``."""
        ...

    def retire(self, key: str, token: Token, because: Because) -> None:
        """Leave a tombstone: the key decides nothing any more, and is never used again. Raises as :meth:`apply`."""
        ...

    def settled(self, desired: Mapping[str, Setting], token: Token) -> bool:
        """Whether each stands there, at this epoch or a newer one."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if nothing could be written."""
        ...


def is_key(text: str) -> bool:
    """Whether a flag may be called so."""
    return _KEY.fullmatch(text) is not None
