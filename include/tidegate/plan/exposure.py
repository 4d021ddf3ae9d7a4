"""Customers are shown what is behind a release's flags once the release itself runs everywhere and is certified: by
steps, each behind a gate of its own. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tidegate.model.traffic import TOTAL
from tidegate.plan.model import Gate, Node, Phase, Stage, Step
from tidegate.plan.names import percent
from tidegate.policy.schema import Exposure, Policy

OF_FLAGS = "of_flags"
"""Argument of the nodes that are not needed for a release which opens no flag (:mod:`tidegate.engine.ladder`)."""


def exposure_stages(policy: Policy, relax: tuple[Node, ...]) -> tuple[Stage, ...]:
    """Stages ``expose``, while which the operation can still turn back, and ``settle``, which ends with ``relax``. None
    where the policy shows nothing by flags."""
    exposure = policy.promotion.exposure
    if exposure is None:
        return ()
    settle = Step("settle.flags", "settle_flags", {OF_FLAGS: True})
    return (
        Stage("expose", "Show what is behind flags", Phase.FORWARD, tuple(_expose(policy, exposure))),
        Stage("settle", "Settle", Phase.FORWARD, (settle, *relax)),
    )


def _expose(policy: Policy, exposure: Exposure) -> Iterator[Node]:
    for part in exposure.steps:
        name = percent(part)
        yield Step(f"expose.raise-{name}", "raise_exposure", {"exposed": part, OF_FLAGS: True})
        asked = exposure.evidence[part]
        args: dict[str, Any] = {
            **asked.model_dump(),
            "endpoints": list(asked.endpoints),
            "full_weight": part == TOTAL,
            OF_FLAGS: True,
        }
        yield Gate(f"expose.gate-{name}", "exposure", exposure.gate_within or policy.promotion.gate_within, args)
