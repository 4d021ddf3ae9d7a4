"""What a policy says of what the service calls and is not its own: the limits of each one's circuit breaker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints

from tidegate.model.dependency import Limits
from tidegate.policy.base import Name, Part, Text
from tidegate.policy.likely import likely
from tidegate.policy.problem import Loc, Problem
from tidegate.policy.quantities import Seconds, duration_text

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

Said = tuple[str, str, "Loc", str]  # rule, message, place, hint
LONGEST_TIMEOUT = 15.0  # seconds: a user's own request is given up by then


class Dependency(Part):
    """Something that the service calls, behind a circuit breaker of its router.

    ``used_by``: endpoint classes that call it; the others must not feel its absence. ``without_it``: what those do
    while it is away, in words for whoever is on call; left out, they fail. ``timeout``: how long one call may take.
    ``connections``: calls under way at most. ``pending``: calls that wait for one of those, at most; what comes on top
    is turned away at once. ``failures``: time-outs and answers of 5xx in a row that open the breaker. ``open_for``: how
    long nobody is let through then, at least. ``probe``: a path that the router asks to know that it is back; without
    it users' calls are what finds out.
    """

    used_by: Annotated[tuple[Name, ...], Field(min_length=1, max_length=32)]
    without_it: Text | None = None
    timeout: Seconds = 1.0
    connections: Annotated[int, Field(ge=1, le=100_000)] = 100
    pending: Annotated[int, Field(ge=1, le=100_000)] = 100
    failures: Annotated[int, Field(ge=1, le=1000)] = 5
    open_for: Seconds = 5.0
    probe: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9/._-]{0,127}$")] | None = None

    @property
    def limits(self) -> Limits:
        """What the router is given."""
        return Limits(self.timeout, self.connections, self.pending, self.failures, self.open_for, self.probe or "")


def dependencies_of(policy: Policy) -> Iterator[Problem]:
    """What must hold between ``dependencies`` and the rest of a policy. Pure."""
    for name, part in policy.dependencies.items():
        for index, endpoint in enumerate(part.used_by):
            if endpoint not in policy.endpoints:
                hint = likely(endpoint, sorted(policy.endpoints))
                at: Loc = ("dependencies", name, "used_by", index)
                yield Problem(f"there is no endpoint class {endpoint!r}", at, hint)
        if part.timeout > LONGEST_TIMEOUT:
            message = f"the router gives a user's request up after {duration_text(LONGEST_TIMEOUT)}"
            yield Problem(message, ("dependencies", name, "timeout"), "make it shorter than that")


def lint_dependencies(policy: Policy) -> Iterator[Said]:
    """Allowed, and unwise. Pure."""
    promised = policy.objectives.latency_p99
    for name, part in policy.dependencies.items():
        at: Loc = ("dependencies", name)
        if part.timeout >= promised:
            message = f"while {name} hangs a call takes {duration_text(part.timeout)}, and users are promised "
            message += f"{duration_text(promised)}"
            yield "dependency-slow", message, (*at, "timeout"), "make it a part of what is promised"
        if part.probe is None:
            message = f"each {duration_text(part.open_for)} some users' calls are spent on finding out whether {name} "
            yield "dependency-no-probe", message + "is back", at, "add probe: /_health, a path that answers 200"
        if part.without_it is None:
            message = f"without {name} these fail: {', '.join(part.used_by)}"
            yield "dependency-essential", message, at, "let them do with less, and say so: without_it: …"
