"""What a metrics driver delivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tidegate.model.topology import Arm
from tidegate.model.traffic import Split


@dataclass(frozen=True)
class FlagSeen:
    """A flag that had a say in a request: whether the customer got the new behaviour, and under which exposure
    (basis points of the customers, and the epoch of the write) that was decided."""

    key: str
    on: bool
    exposed: int
    epoch: int


@dataclass(frozen=True)
class Observation:
    """One request as the edge saw it.

    ``at``: start of the request, epoch seconds. ``arm``: where it went; None if it reached no arm (shed, no healthy
    target). ``session``: a key that tells sessions apart and is no secret; None for a request without one, which then
    is a unit of its own. ``epoch`` and ``split``: the routing in force when *this* request was routed.
    ``milliseconds``: total duration. ``flags``: those that had a say, as the service told. ``refused``: the router
    turned it away, since its session is not admitted or it writes while writes are halted; that is no arm's failure.
    """

    at: float
    arm: Arm | None
    session: str | None
    endpoint: str
    status: int
    milliseconds: float
    epoch: int
    split: Split
    flags: tuple[FlagSeen, ...] = ()
    refused: bool = False

    @property
    def failed(self) -> bool:
        """No answer, or a server error."""
        return self.status == 0 or self.status >= 500


@dataclass(frozen=True)
class Batch:
    """Observations since a cursor. ``cursor`` is opaque and JSON-serialisable; ``read_at`` is the reader's clock.

    ``malformed``: lines that were not understood, counted, never guessed; ``sample``: one of them, shortened.
    ``lag_seconds``: age of the newest line at ``read_at``, None if there has been none at all.
    """

    observations: tuple[Observation, ...]
    cursor: str
    read_at: float
    malformed: int = 0
    sample: str = ""
    lag_seconds: float | None = None


@dataclass(frozen=True)
class Counters:
    """Running totals of the edge, per arm: requests, 5xx answers, requests in flight, healthy and all targets.
    ``refused``: requests that reached no arm since their session was not admitted; they are in no arm's numbers."""

    read_at: float
    requests: Mapping[Arm, int]
    errors: Mapping[Arm, int]
    active: Mapping[Arm, int]
    healthy: Mapping[Arm, int]
    targets: Mapping[Arm, int]
    refused: int = 0
