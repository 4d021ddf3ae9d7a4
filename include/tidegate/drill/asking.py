"""What every answer is made of: asking for an operation, looking for one, waiting for its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.drill.cast import Cast
from tidegate.drill.hands import Begun
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import NotSettled
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import Phase, Scenario, Times
from tidegate.model.operation import OperationKind, OperationState, Outcome
from tidegate.policy.drills import Rehearsal


@dataclass(frozen=True)
class Answer:
    """``view``: the operation that answered, at its end; None if none was to. ``since``: when users first met the
    fault. ``wrong``: why it was no good answer. ``facts``: what else the journal is to keep of it. ``told``: what came
    of it, where no operation says so. ``behind``: as :class:`~tidegate.model.drill.DrillResult` has it."""

    view: OperationView | None
    times: Times
    since: float
    wrong: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    told: str = ""
    behind: float | None = None


@dataclass(frozen=True)
class Asking:
    """One scenario's answer. ``at``: when the fault was put in. ``behind``: the journal's head before it."""

    cast: Cast
    scenario: Scenario
    rehearsal: Rehearsal
    load: str
    at: float
    behind: int
    writer: str

    def answer(self) -> Answer:
        """Raises :class:`NotSettled` if no answer came to its end in time, and as asking does."""
        raise NotImplementedError

    def ask(self, kind: OperationKind, *, from_terminal: bool = False, **conf: str | None) -> str:
        """An empty word is not given."""
        hands = self.cast.terminal if from_terminal else self.cast.hands
        return hands.ask(kind, self._words(conf), f"{self.load}-{kind.value}")

    def begin(self, kind: OperationKind, **conf: str | None) -> Begun:
        """As :meth:`ask`, and it is under way when this returns, however it is carried."""
        return self.cast.hands.begin(kind, self._words(conf), f"{self.load}-{kind.value}")

    def _words(self, conf: Mapping[str, str | None]) -> dict[str, str]:
        given = {key: value for key, value in conf.items() if value}
        return {"reason": f"drill {self.cast.id}: {self.cast.called(self.scenario)}", **given}

    def opened(self, kind: OperationKind, behind: int) -> str:
        """The operation of that kind that somebody begins by himself."""

        def found() -> Event | None:
            return next((row for row in self.operations(behind) if row.body["kind"] == kind.value), None)

        self.wait(lambda: found() is not None, f"no {kind.value} was begun")
        row = found()
        assert row is not None  # just seen
        return str(row.operation)

    def operations(self, behind: int) -> Iterable[Event]:
        world = self.cast.world
        rows = world.journal.events(world.service, kinds={EventKind.OPERATION_OPENED})
        return (row for row in rows if row.seq > behind)

    def ended(self, operation: str) -> OperationView:
        def closed() -> bool:
            now = self.view(operation)
            return now is not None and now.state is OperationState.CLOSED

        self.wait(closed, f"{operation} has not ended")
        found = self.view(operation)
        assert found is not None  # just seen
        return found

    def view(self, operation: str) -> OperationView | None:
        """None if it is not there yet."""
        world = self.cast.world
        return fold_operation(world.journal.events(world.service, operation=operation))

    def rows(self, view: OperationView) -> list[Event]:
        return self.cast.world.journal.events(self.cast.world.service, operation=view.id)

    def wait(self, until: Callable[[], bool], otherwise: str) -> None:
        left = self.at + self.rehearsal.within - self.cast.now()
        if not self.cast.wait(until, max(0.0, left), self.scenario, Phase.ANSWER):
            raise NotSettled(f"{otherwise} within {self.rehearsal.within:g} s of the fault")

    def note(self, what: str, behind: int) -> Event | None:
        rows = self.cast.world.journal.events(self.cast.world.service, kinds={EventKind.NOTE})
        return next((row for row in rows if row.seq > behind and row.body.get("what") == what), None)


def ended_otherwise(view: OperationView, wanted: tuple[Outcome, ...]) -> tuple[str, ...]:
    """That it did not come to one of the ends that are wanted, in words. Pure."""
    if view.outcome in wanted:
        return ()
    ended = view.outcome.value if view.outcome else "not at all"
    why = f": {view.why_back}" if view.why_back else ""
    return (f"{view.id} ended as {ended}, expected {' or '.join(wanted)}{why}",)
