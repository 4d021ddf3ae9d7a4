"""The gate behind a move or a rollback: names and cached assets have followed."""

from __future__ import annotations

from tidegate.engine import consistency
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Rejected
from tidegate.model.verdict import Evidence, Verdict
from tidegate.plan.model import Gate
from tidegate.policy.consistency import Consistency
from tidegate.steps.contract import StepWorld


def consistent(world: World, view: OperationView, gate: Gate, seen: StepWorld) -> Evidence:
    """What is wrong may mend itself: a zone is changed by others, a cache forgets. So it is waited for."""
    part, now, found = Consistency.model_validate(gate.args["compared"]), world.clock.now(), list[str]()
    try:
        if part.dns is not None:
            found.append(consistency.names(seen.estate, part.dns))
        if part.assets is not None:
            found.append(consistency.assets(seen.estate, part.assets))
    except Rejected as wrong:
        return Evidence(Verdict.INCONCLUSIVE, f"{wrong.message}; {wrong.next_step}", now)
    return Evidence(Verdict.PASS, "; ".join(found), now)
