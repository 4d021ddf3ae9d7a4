"""The first node of a promotion's way back: the journal says whether there is anything to go back from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record


class TurnBack(Record):
    """The engine turns the operation before it runs this; the step records that it was."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return "if the promotion did not finish: stop it, and take the way back"

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        return Result(f"turned back: {world.reason}")


VERB: Verb = TurnBack()
