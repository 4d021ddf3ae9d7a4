"""Base of the verbs that change nothing outside the journal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps.contract import Look, Standing, StepWorld


class Record:
    """``check`` finds nothing to ask a system about, ``apply`` has no effect; ``verify`` does the work."""

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        return Look(Standing.DONE, "no system is touched by this step")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        return None
