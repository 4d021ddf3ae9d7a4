"""Traffic drivers: how much of the service's traffic each arm takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tidegate.drivers.token import Token
from tidegate.model.traffic import Split


@dataclass(frozen=True)
class RouteState:
    """What the router itself reports as in force. ``epoch`` 0 and ``split`` None: it has no route of ours yet."""

    epoch: int
    split: Split | None


class Traffic(Protocol):
    """Contract of the family.

    * ``apply`` converges to ``desired`` and is idempotent; a smaller epoch than the one in force is refused with
      ``LeaseLost``, compared and written under the driver's own lock.
    * ``apply`` refuses (``Refused``) to give weight to an arm without a healthy target.
    * ``observe`` asks the router, not the file that was written for it.
    """

    def observe(self) -> RouteState:
        """The routing in force. Raises ``Unreachable``."""
        ...

    def apply(self, desired: Split, token: Token) -> None:
        """Make ``desired`` the routing. Raises ``LeaseLost``, ``Refused``, ``Unreachable``, ``Rejected``."""
        ...

    def settled(self, desired: Split, token: Token) -> bool:
        """Whether the router has taken ``desired`` at this epoch or a newer write of the same split."""
        ...

    def ping(self) -> None:
        """Raises ``Unreachable`` if the router does not answer."""
        ...
