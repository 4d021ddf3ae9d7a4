"""What a policy says of jobs of which one at most may run in the whole service."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from tidegate.policy.base import Name
from tidegate.policy.problem import Loc, Problem

if TYPE_CHECKING:
    from tidegate.policy.schema import Policy

Singletons = Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]


def singletons_of(policy: Policy) -> Iterator[Problem]:
    """What must hold of ``singletons``. Pure."""
    for name, times in Counter(policy.singletons or ()).items():
        if times > 1:
            yield Problem(f"{name!r} stands twice", ("singletons",), "name each job once", key=True)


def lint_singletons(policy: Policy) -> Iterator[tuple[str, str, Loc, str]]:
    """Allowed, and unwise. Of programs only what is known of the driver that comes with Tidegate."""
    if not policy.singletons:
        return
    if policy.failover is None:
        message = "the service has no failover, so nobody ever stops or starts its singletons"
        yield "singletons-stay", message, ("singletons",), "add failover, or leave singletons out"
    compute = policy.drivers.compute
    known = (compute.model_extra or {}).get("singletons") or {}
    missing = [name for name in policy.singletons if name not in known]
    if compute.kind == "supervisor" and missing:
        message = f"the compute driver does not know how {', '.join(missing)} is started: a move would be refused"
        hint = 'add it to drivers.compute: singletons: {outbox: "{python} -m …"}'
        yield "singleton-no-program", message, ("drivers", "compute"), hint
