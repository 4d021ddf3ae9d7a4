"""What answers a fault, scenario by scenario: waited for where the guard acts, asked for where a person would."""

from __future__ import annotations

from tidegate.drill import measure
from tidegate.drill.asking import Answer, Asking, ended_otherwise
from tidegate.drill.blind import Blind
from tidegate.drill.experiments import Experiments
from tidegate.drill.restoring import Restoring
from tidegate.drivers.faults.contract import Fault, FaultKind
from tidegate.engine.after_promotion import FAILED
from tidegate.engine.objectives import recovery_of
from tidegate.engine.partial import DATABASE
from tidegate.engine.region_loss import ACT, LOST, episode
from tidegate.journal.model import Event
from tidegate.model.drill import Phase, Scenario, Times
from tidegate.model.operation import GOOD_END, OperationKind, Outcome
from tidegate.policy.drills import Rehearsal

NOTICED_BY = 3  # looks in a row that fail, until somebody at a terminal believes it
_LOSSES = {
    Scenario.REGION_LOSS: (FaultKind.REGION_DEAD,),
    Scenario.DATABASE_LOSS: (FaultKind.DATABASE_DEAD,),
    Scenario.AIRFLOW_LOST: (FaultKind.AIRFLOW_DEAD, FaultKind.REGION_DEAD),
    Scenario.DEPENDENCY_SLOW: (FaultKind.DEPENDENCY_SLOW,),
}
_LATER = {
    Scenario.BAD_RELEASE_LATE: (FaultKind.ERRORS,),
    Scenario.MONITORING_BLIND: (FaultKind.METRICS_BLIND,),
    Scenario.EXPERIMENT: (FaultKind.EXPERIMENT,),
}
_ERRORS = 0.3  # of its requests fail, in a release that goes bad late


def faults_of(scenario: Scenario, writer: str, rehearsal: Rehearsal) -> tuple[Fault, ...]:
    """What is put in before anything is waited for. A bad release is its own fault. Pure."""
    regional = (FaultKind.REGION_DEAD, FaultKind.DATABASE_DEAD)
    return tuple(Fault(kind, writer if kind in regional else "") for kind in _LOSSES.get(scenario, ()))


def kinds_of(scenario: Scenario) -> frozenset[FaultKind]:
    """Every kind that it has put in, sooner or later. Pure."""
    return frozenset((*_LOSSES.get(scenario, ()), *_LATER.get(scenario, ())))


def answering(scenario: Scenario) -> type[Asking]:
    """Who answers it."""
    return _OTHERS.get(scenario, Answering)


class Answering(Asking):
    """What a release that goes bad, a loss, or a dependency that hangs is answered with."""

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
        view = self.ended(self.ask(OperationKind.PROMOTION, version=self.rehearsal.version))
        since = measure.first_shown(view) or view.opened_at
        wrong = ended_otherwise(view, (Outcome.ROLLED_BACK,))
        return Answer(view, measure.of_return(view, self.rows(view), since), since, wrong)

    def _bad_late(self) -> Answer:
        """It is promoted, and goes bad after: the guard has to notice, and to begin the way back."""
        promoted = self.ended(self.ask(OperationKind.PROMOTION, version=self.rehearsal.version))
        if wrong := ended_otherwise(promoted, (Outcome.PROMOTED,)):
            return Answer(promoted, Times(), self.at, wrong)
        behind, since = self.cast.world.journal.head(self.cast.world.service).seq, self.cast.now()
        fault = Fault(FaultKind.ERRORS, version=str(self.rehearsal.version), degree=_ERRORS)
        self.cast.faults.inject(f"{self.load}-late", fault, self.rehearsal.within)
        view = self.ended(self._back(behind))
        wrong = ended_otherwise(view, (Outcome.ROLLED_BACK,))
        return Answer(view, measure.of_rollback(view, self.rows(view), since), since, wrong)

    def _back(self, behind: int) -> str:
        """The guard's rollback; where it may not begin one, as within an hour of another, a person's."""
        self.wait(lambda: self.note(FAILED, behind) is not None, "the release was not seen to fail")
        told = self.note(FAILED, behind)
        if not self.cast.game_day and told is not None and told.body.get("because"):
            return self.ask(OperationKind.ROLLBACK)
        return self.opened(OperationKind.ROLLBACK, behind)

    # A loss

    def _loss(self) -> Answer:
        kind = OperationKind.FAILOVER
        if self.cast.game_day:
            operation = self.opened(kind, self.behind)  # somebody's, however they come to it
        elif self.scenario is Scenario.AIRFLOW_LOST:
            self._seen_dark()
            operation = self.ask(kind, from_terminal=True)
        elif self._guard_acts():
            operation = self.opened(kind, self.behind)
        else:
            only = DATABASE if self.scenario is Scenario.DATABASE_LOSS else ""
            operation = self.ask(kind, only=only)
        view = self.ended(operation)
        found = recovery_of(self.cast.world.journal, view, self.cast.now())
        assert found is not None  # every failover has a critical section
        return Answer(view, measure.of_move(found, self.at), self.at, ended_otherwise(view, (GOOD_END[kind],)))

    def _guard_acts(self) -> bool:
        """Waits until the loss is on record. Whether what the policy lets the guard do is to act by itself."""
        world = self.cast.world
        self.wait(lambda: self._noticed() is not None, "the loss was not noticed")
        told = episode(world.journal, world.service)
        return told is None or told.then == ACT

    def _noticed(self) -> Event | None:
        return self.note(LOST, self.behind)

    def _seen_dark(self) -> None:
        """With Airflow goes its guard: somebody at a terminal looks, again and again, as an alarm from outside has them
        do."""
        world, failed = self.cast.world, 0

        def dark() -> bool:
            nonlocal failed
            failed = failed + 1 if world.estate.database.probe(self.writer).role == "unreachable" else 0
            return failed >= NOTICED_BY

        self.wait(dark, f"{self.writer} still answers")

    def _nothing(self) -> Answer:
        """Nobody is to do anything: what depends on it lives without it, and no operation begins."""
        self.cast.wait(lambda: False, self.rehearsal.lasts, self.scenario, Phase.ANSWER)
        opened = list(self.operations(self.behind))
        wrong = tuple(f"{row.operation} was begun, and nothing was to be" for row in opened)
        return Answer(None, Times(), self.at, wrong)


_OTHERS: dict[Scenario, type[Asking]] = {
    Scenario.MONITORING_BLIND: Blind,
    Scenario.EXPERIMENT: Experiments,
    Scenario.RESTORE: Restoring,
}
