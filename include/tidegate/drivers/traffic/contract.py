"""Traffic drivers: how much of the service's traffic each arm takes."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tidegate.drivers.token import Token
from tidegate.model.admission import EVERYBODY, Admission
from tidegate.model.dependency import BreakerState
from tidegate.model.detour import Detour
from tidegate.model.preview_arm import PreviewRoute
from tidegate.model.traffic import Split
from tidegate.model.writes import Halt


@dataclass(frozen=True)
class RouteState:
    """What the router itself reports as in force. ``epoch`` 0 and ``split`` None: it has no route of ours yet.
    ``admission``: how much of the service it answers at all."""

    epoch: int
    split: Split | None
    admission: Admission = EVERYBODY


@dataclass(frozen=True)
class PreviewState:
    """The preview's route that is in force. ``epoch``: of its last writer, in the previews' own chain, 0 if there never
    was one; it stays when the route is taken away. ``route`` None: requests with any header go where all go."""

    epoch: int
    route: PreviewRoute | None


@dataclass(frozen=True)
class WritesState:
    """Whether the router takes requests that write. ``epoch``: of the last writer of this, in a chain of its own, 0 if
    there never was one; it stays when writes are taken again. ``halt`` None: they go where all requests go."""

    epoch: int
    halt: Halt | None


@dataclass(frozen=True)
class DetourState:
    """Which endpoint classes go to another region, one detour for each at most. ``epoch``: of the last writer of this,
    in a chain of its own, 0 if there never was one; it stays when the last detour is lifted."""

    epoch: int
    detours: tuple[Detour, ...] = ()


class Traffic(Protocol):
    """Contract of the family.

    * ``apply`` converges to ``desired`` and is idempotent; a smaller epoch than the one in force is refused with
      ``LeaseLost``, compared and written under the driver's own lock.
    * ``apply`` refuses (``Refused``) to give weight to an arm without a healthy target.
    * ``apply`` leaves the admission as it is, whoever wrote it.
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


@runtime_checkable
class AdmittingTraffic(Traffic, Protocol):
    """What a router does besides that can turn a part of the sessions away, where there is less capacity than demand.

    * By the session, as the arms are: nobody is served and refused by turns, and whoever is admitted stays so while the
      part grows. A request without a session is admitted by chance.
    * What it refuses never reaches an arm, and is counted against none; it is counted apart.
    * ``admitted`` 0 is nobody at all, and only this call makes it so; the split has a healthy target even then.
    """

    def admit(self, split: Split, admission: Admission, token: Token) -> None:
        """Make both the routing, in one write. Raises as :meth:`Traffic.apply`."""
        ...


@runtime_checkable
class PreviewingTraffic(Traffic, Protocol):
    """What a router that can show a preview does besides. The split and the preview's route stand beside each other:
    a write of the one keeps the other, and each is fenced by epochs of its own, since operations on the one must be
    able to go on while those on the other do.
    """

    def observe_preview(self) -> PreviewState:
        """The preview's route in force. Raises ``Unreachable``."""
        ...

    def apply_preview(self, desired: PreviewRoute | None, token: Token) -> None:
        """Make ``desired`` the preview's route; None: there is none. ``token``: of the previews' own chain. Raises
        ``LeaseLost``, ``Refused`` (no healthy target in the arm, or no split of ours yet), ``Unreachable``."""
        ...


@runtime_checkable
class HaltingTraffic(Traffic, Protocol):
    """What a router does besides that can serve reads alone. That stands beside split, admission and preview: a write
    of any of those keeps it, and it has epochs of its own, so that it neither fences an operation that is under way
    nor waits for one.

    * A request that writes, by its method, reaches no arm and no preview, and is counted as admission's are.
    * It is the router's own answer: it needs no instance, no database, and nobody's time.
    """

    def observe_writes(self) -> WritesState:
        """As in force. Raises ``Unreachable``."""
        ...

    def halt_writes(self, halt: Halt | None, token: Token) -> None:
        """Turn requests that write away, or with None let them through again. Idempotent. ``token``: of this chain.
        Raises ``LeaseLost``, ``Refused`` (no split of ours yet), ``Unreachable``, ``NotSettled``."""
        ...


@runtime_checkable
class DetouringTraffic(Traffic, Protocol):
    """What a router does besides that can send one endpoint class to another region. That stands beside split,
    admission, preview and halt, as a halt of writes does, with epochs of its own.

    * A class is what the policy's endpoints say: the first that matches. Every other class is routed by the split.
    * Its part of the arms is as :func:`~tidegate.model.detour.detoured` says, also of every later split.
    * A session's arm within the region is chosen as before; what is turned away is turned away here as well.
    * One that stands already is not asked again whether it is fit, so that any other can be lifted.
    """

    def observe_detours(self) -> DetourState:
        """As in force. Raises ``Unreachable``."""
        ...

    def detour(self, detours: tuple[Detour, ...], token: Token) -> None:
        """Make these the detours, and no others. Idempotent. ``token``: of this chain. Raises ``LeaseLost``,
        ``Refused`` (no healthy target there, a class or region that the router does not know, no split of ours yet),
        ``Unreachable``, ``NotSettled``."""
        ...


@runtime_checkable
class BreakingTraffic(Traffic, Protocol):
    """What a router does besides through which the service calls its dependencies. It breaks circuits by itself, within
    limits that it was given beforehand: nothing of ours stands between a call and its answer."""

    def observe_breakers(self, dependencies: Collection[str]) -> Mapping[str, BreakerState]:
        """The breakers of these dependencies, without those that the router knows nothing of. Raises
        ``Unreachable``."""
        ...
