"""Flag drivers: what part of the customers sees a new behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.model.flags import Setting

__all__ = ["Because", "Flags", "FlagsState", "Setting"]


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
