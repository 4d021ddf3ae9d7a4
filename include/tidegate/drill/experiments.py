"""Experiments that were written by others, one after the other: their verdict is part of the drill's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tidegate.drill.asking import Answer, Asking
from tidegate.drivers.faults.contract import Experimenting, Fault, FaultKind, Faults, Told
from tidegate.errors import NotSettled, Refused
from tidegate.model.drill import Times

MOST_KEPT = 200_000  # characters of an experiment's journal in one row; a longer one is kept as a file alone


class Experiments(Asking):
    """Each is run to its own end. What the service's plans do about it meanwhile has to come to its end, too; whether
    all is as before is what the drill asks afterwards, as ever."""

    def answer(self) -> Answer:
        found = [self._run(f"{self.load}-{number}", name) for number, name in enumerate(self.rehearsal.experiments)]
        wrong = [f"{told.name}: {one}" for told in found for one in told.wrong]
        views = [self.ended(str(row.operation)) for row in self.operations(self.behind)]
        facts = {"experiments": [kept(told) for told in found], "operations": [view.id for view in views]}
        return Answer(views[-1] if views else None, Times(), self.at, tuple(wrong), facts)

    def _run(self, which: str, name: str) -> Told:
        faults = _experimenting(self.cast.faults)
        self.cast.faults.inject(which, Fault(FaultKind.EXPERIMENT, name=name), self.rehearsal.within)

        def settled() -> bool:
            told = faults.told(which)
            return told.over or bool(told.wrong)

        try:
            self.wait(settled, f"the experiment {name} has not ended")
        except NotSettled as error:
            self.cast.faults.lift(which)
            told = faults.told(which)
            return Told(**{**asdict(told), "wrong": (error.message, *told.wrong)})
        self.cast.faults.lift(which)
        return faults.told(which)


def kept(told: Told) -> dict[str, Any]:
    """As the drill's own row has it."""
    row = {**asdict(told), "wrong": list(told.wrong)}
    if len(json.dumps(row["journal"])) > MOST_KEPT:
        row["journal"] = {"too long for a row": f"see {told.kept}"}
    return row


def missing(faults: Faults, names: Sequence[str]) -> Iterator[str]:
    """Why any of them could not be run, in words. Nothing is run."""
    if names and not isinstance(faults, Experimenting):
        yield "its driver of faults runs no experiments: see drivers.faults, kind: chaostoolkit"
    elif isinstance(faults, Experimenting):
        yield from filter(None, map(faults.missing, names))


def _experimenting(faults: Faults) -> Experimenting:
    if not isinstance(faults, Experimenting):
        raise Refused("the driver of faults runs no experiments", next_step="see drivers.faults, kind: chaostoolkit")
    return faults
