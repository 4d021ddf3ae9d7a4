"""What answers a fault, scenario by scenario: waited for where the guard acts, asked for where a person would."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tidegate.drill import measure
from tidegate.drill.cast import Cast
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.engine.after_promotion import FAILED
from tidegate.engine.objectives import recovery_of
from tidegate.engine.partial import DATABASE
from tidegate.engine.region_loss import ACT, LOST, episode
from tidegate.engine.view import OperationView, fold_operation
from tidegate.errors import NotSettled
from tidegate.journal.model import Event, EventKind
from tidegate.model.drill import Phase, Scenario, Times
from tidegate.model.operation import GOOD_END, OperationKind, OperationState, Outcome
from tidegate.policy.drills import Rehearsal

NOTICED_BY = 3  # looks in a row that fail, until somebody at a terminal believes it
_LOSSES = {
    Scenario.REGION_LOSS: (FaultKind.REGION_DEAD,),
    Scenario.DATABASE_LOSS: (FaultKind.DATABASE_DEAD,),
    Scenario.AIRFLOW_LOST: (FaultKind.AIRFLOW_DEAD, FaultKind.REGION_DEAD),
    Scenario.DEPENDENCY_SLOW: (FaultKind.DEPENDENCY_SLOW,),
}
_ERRORS = 0.3  # of its requests fail, in a release that goes bad late


@dataclass(frozen=True)
class Answer:
    """``view``: the operation that answered, at its end; None if none was to. ``since``: when users first met the
    fault. ``wrong``: why it was no good answer."""

    view: OperationView | None
    times: Times
    since: float
    wrong: tuple[str, ...] = ()


def faults_of(scenario: Scenario, writer: str, rehearsal: Rehearsal) -> tuple[Fault, ...]:
    """What is put in before anything is waited for. A bad release is its own fault. Pure."""
    regional = (FaultKind.REGION_DEAD, FaultKind.DATABASE_DEAD)
    return tuple(Fault(kind, writer if kind in regional else "") for kind in _LOSSES.get(scenario, ()))


@dataclass(frozen=True)
class Answering:
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
        if self.scenario is Scenario.BAD_RELEASE:
            return self._bad_release()
        if self.scenario is Scenario.BAD_RELEASE_LATE:
            return self._bad_late()
        if self.scenario is Scenario.DEPENDENCY_SLOW:
            return self._nothing()
        return self._loss()

    # A release

    def _bad_release(self) -> Answer:
        view = self._ended(self._ask(OperationKind.PROMOTION, version=self.rehearsal.version))
        since = measure.first_shown(view) or view.opened_at
        wrong = _ended_otherwise(view, (Outcome.ROLLED_BACK,))
        return Answer(view, measure.of_return(view, self._rows(view), since), since, wrong)

    def _bad_late(self) -> Answer:
        """It is promoted, and goes bad after: the guard has to notice, and to begin the way back."""
        promoted = self._ended(self._ask(OperationKind.PROMOTION, version=self.rehearsal.version))
        if wrong := _ended_otherwise(promoted, (Outcome.PROMOTED,)):
            return Answer(promoted, Times(), self.at, wrong)
        behind, since = self.cast.world.journal.head(self.cast.world.service).seq, self.cast.now()
        fault = Fault(FaultKind.ERRORS, version=str(self.rehearsal.version), degree=_ERRORS)
        self.cast.faults.inject(f"{self.load}-late", fault, self.rehearsal.within)
        view = self._ended(self._back(behind))
        wrong = _ended_otherwise(view, (Outcome.ROLLED_BACK,))
        return Answer(view, measure.of_rollback(view, self._rows(view), since), since, wrong)

    def _back(self, behind: int) -> str:
        """The guard's rollback; where it may not begin one, as within an hour of another, a person's."""
        self._wait(lambda: self._note(FAILED, behind) is not None, "the release was not seen to fail")
        told = self._note(FAILED, behind)
        if not self.cast.game_day and told is not None and told.body.get("because"):
            return self._ask(OperationKind.ROLLBACK)
        return self._opened(OperationKind.ROLLBACK, behind)

    # A loss

    def _loss(self) -> Answer:
        kind = OperationKind.FAILOVER
        if self.cast.game_day:
            operation = self._opened(kind, self.behind)  # somebody's, however they come to it
        elif self.scenario is Scenario.AIRFLOW_LOST:
            self._seen_dark()
            operation = self._ask(kind, from_terminal=True)
        elif self._guard_acts():
            operation = self._opened(kind, self.behind)
        else:
            only = DATABASE if self.scenario is Scenario.DATABASE_LOSS else ""
            operation = self._ask(kind, only=only)
        view = self._ended(operation)
        found = recovery_of(self.cast.world.journal, view, self.cast.now())
        assert found is not None  # every failover has a critical section
        return Answer(view, measure.of_move(found, self.at), self.at, _ended_otherwise(view, (GOOD_END[kind],)))

    def _guard_acts(self) -> bool:
        """Waits until the loss is on record. Whether what the policy lets the guard do is to act by itself."""
        world = self.cast.world
        self._wait(lambda: self._noticed() is not None, "the loss was not noticed")
        told = episode(world.journal, world.service)
        return told is None or told.then == ACT

    def _noticed(self) -> Event | None:
        return self._note(LOST, self.behind)

    def _note(self, what: str, behind: int) -> Event | None:
        rows = self.cast.world.journal.events(self.cast.world.service, kinds={EventKind.NOTE})
        return next((row for row in rows if row.seq > behind and row.body.get("what") == what), None)

    def _seen_dark(self) -> None:
        """With Airflow goes its guard: somebody at a terminal looks, again and again, as an alarm from outside has them
        do."""
        world, failed = self.cast.world, 0

        def dark() -> bool:
            nonlocal failed
            failed = failed + 1 if world.estate.database.probe(self.writer).role == "unreachable" else 0
            return failed >= NOTICED_BY

        self._wait(dark, f"{self.writer} still answers")

    def _nothing(self) -> Answer:
        """Nobody is to do anything: what depends on it lives without it, and no operation begins."""
        self.cast.wait(lambda: False, self.rehearsal.lasts, self.scenario, Phase.ANSWER)
        opened = list(self._operations(self.behind))
        wrong = tuple(f"{row.operation} was begun, and nothing was to be" for row in opened)
        return Answer(None, Times(), self.at, wrong)

    # What they are made of

    def _ask(self, kind: OperationKind, *, from_terminal: bool = False, **conf: str | None) -> str:
        """An empty word is not given."""
        hands = self.cast.terminal if from_terminal else self.cast.hands
        given = {key: value for key, value in conf.items() if value}
        words = {"reason": f"drill {self.cast.id}: {self.cast.called(self.scenario)}", **given}
        return hands.ask(kind, words, f"{self.load}-{kind.value}")

    def _opened(self, kind: OperationKind, behind: int) -> str:
        """The operation of that kind that somebody begins by himself."""

        def found() -> Event | None:
            return next((row for row in self._operations(behind) if row.body["kind"] == kind.value), None)

        self._wait(lambda: found() is not None, f"no {kind.value} was begun")
        row = found()
        assert row is not None  # just seen
        return str(row.operation)

    def _operations(self, behind: int) -> Iterable[Event]:
        world = self.cast.world
        rows = world.journal.events(world.service, kinds={EventKind.OPERATION_OPENED})
        return (row for row in rows if row.seq > behind)

    def _ended(self, operation: str) -> OperationView:
        def view() -> OperationView | None:
            world = self.cast.world
            return fold_operation(world.journal.events(world.service, operation=operation))

        def closed() -> bool:
            now = view()
            return now is not None and now.state is OperationState.CLOSED

        self._wait(closed, f"{operation} has not ended")
        found = view()
        assert found is not None  # just seen
        return found

    def _rows(self, view: OperationView) -> list[Event]:
        return self.cast.world.journal.events(self.cast.world.service, operation=view.id)

    def _wait(self, until: Callable[[], bool], otherwise: str) -> None:
        left = self.at + self.rehearsal.within - self.cast.now()
        if not self.cast.wait(until, max(0.0, left), self.scenario, Phase.ANSWER):
            raise NotSettled(f"{otherwise} within {self.rehearsal.within:g} s of the fault")


def _ended_otherwise(view: OperationView, wanted: tuple[Outcome, ...]) -> tuple[str, ...]:
    if view.outcome in wanted:
        return ()
    ended = view.outcome.value if view.outcome else "not at all"
    why = f": {view.why_back}" if view.why_back else ""
    return (f"{view.id} ended as {ended}, expected {' or '.join(wanted)}{why}",)
