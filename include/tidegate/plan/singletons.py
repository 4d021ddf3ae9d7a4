"""Where a plan that moves the writer stops the jobs of which one at most may run, and where it starts them. Pure.

A policy without ``singletons`` has none of these nodes.
"""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.plan.model import Step
from tidegate.policy.schema import Policy

STOP_NODE, START_NODE = "cutover.singletons-stop", "cutover.singletons-start"


def stopped(policy: Policy, node_id: str, region: str, *, lost: bool = False, section: str = "") -> Iterator[Step]:
    """None of them runs in the region. ``lost``: it may be out of reach, and what it runs is fenced by its epoch."""
    if policy.singletons:
        args = {"region": region, "jobs": list(policy.singletons), "lost": lost}
        yield Step(node_id, "stop_singletons", args, section=section)


def started(policy: Policy, node_id: str, region: str, *, after: str, section: str = "") -> Iterator[Step]:
    """Each of them runs in the region, and nowhere else. ``after``: the step that stopped
    them; empty where one that works is left alone."""
    if policy.singletons:
        args = {"region": region, "jobs": list(policy.singletons), "after": after}
        yield Step(node_id, "start_singletons", args, section=section)
