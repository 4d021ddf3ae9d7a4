"""One scenario, from its preconditions until nothing is left of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.drill import ready, steady, targets
from tidegate.drill.answers import answering, faults_of, kinds_of
from tidegate.drill.asking import Answer
from tidegate.drill.cast import Cast
from tidegate.drill.home import go_home, left_over
from tidegate.drill.measure import steps_of
from tidegate.drivers.load.contract import LoadProfile, Seen
from tidegate.engine.drills import drills, flagged, results_of
from tidegate.errors import NotSettled, TidegateError
from tidegate.journal.model import EventKind
from tidegate.model.drill import DrillResult, Phase, Scenario, Times, Users
from tidegate.model.traffic import TOTAL
from tidegate.policy.drills import MOVES, Rehearsal
from tidegate.policy.service import Traffic

LOADED_WITHIN = 90.0  # seconds until the users are all there
SETTLE = 2.0  # seconds until the users' record of a window is whole
FAULT_LASTS = 1.5  # times what the scenario may take: a fault that nobody lifts goes by itself


@dataclass
class Rehearsing:
    """One scenario of one drill. What goes wrong is collected, and never keeps the way back from being gone."""

    cast: Cast
    scenario: Scenario
    wrong: list[str] = field(default_factory=list)
    answer: Answer | None = None
    seen: Seen = Seen(Users())  # noqa: RUF009 - frozen

    @property
    def rehearsal(self) -> Rehearsal:
        return self.cast.section.scenarios[self.scenario]

    @property
    def load(self) -> str:
        """The id of its users, and of whatever else it begins."""
        return f"{self.cast.id}-{self.cast.called(self.scenario).replace(' ', '-')}"

    def run(self) -> DrillResult:
        """Its result, written down. Raises ``JournalError`` and what interrupts: then, too, after the way back."""
        began = self.cast.now()
        if not self._ready():
            return self._written(self._result(began))
        try:
            self._loaded()
        except BaseException as error:
            self.wrong.append(f"interrupted: {type(error).__name__}")
            raise
        finally:
            self._empty()
            result = self._written(self._result(began))
        return result

    # The parts, in their order

    def _ready(self) -> bool:
        said = tuple(ready.reasons(self.cast, self.scenario))
        self._phase(Phase.READY, "nothing is in the way, nothing was touched", said)
        return not said

    def _loaded(self) -> None:
        """Everything that takes users. From the steady state on, the way back is gone whatever happens."""
        before: steady.Steady | None = None
        snapshot: dict[str, Any] | None = None
        since = self.cast.now()
        try:
            self._bring_users()
            before, snapshot = self._steady()
            if not self.wrong:
                since = self._fault(before)
                self.answer = self._answered(before, since)
        except TidegateError as error:
            self._phase(Phase.ANSWER, "", (in_words(error),))
        finally:
            self.seen = self._seen(self.answer.since if self.answer else since)
            if before is not None:
                self._home(before)
                self._again(before, snapshot)

    def _empty(self) -> None:
        try:
            self.cast.load.stop(self.load)
            said = tuple(left_over(self.cast))
        except TidegateError as error:
            said = (in_words(error),)
        self._phase(Phase.EMPTY, "no fault, no users, no operation", said)

    def _bring_users(self) -> None:
        traffic = self.cast.policy.traffic
        profile = profile_of(traffic) if traffic else LoadProfile(100.0, 150)
        lasts = self._hidden_for() + self.rehearsal.within * 3 + self.cast.section.steady * 4 + LOADED_WITHIN
        self.cast.load.start(self.load, profile, lasts)
        there = self.cast.wait(lambda: self.cast.load.ready(self.load), LOADED_WITHIN, self.scenario, Phase.STEADY)
        if not there:
            raise NotSettled(f"the users are not all there within {LOADED_WITHIN:g} s")

    def _steady(self) -> tuple[steady.Steady, dict[str, Any]]:
        seen = self._watch(self.cast.section.steady)
        state, snapshot = steady.look(self.cast.world), steady.snapshot(self.cast.world)
        report = steady.checked(self.cast.world, snapshot)
        said = (*state.unknown, *steady.disturbed(seen, self._availability()), *steady.unsound(report))
        self._phase(Phase.STEADY, _words(seen), said, **state.to_json())
        return state, snapshot

    def _fault(self, before: steady.Steady) -> float:
        """When the last of them was put in: that is the one which users meet. To kill Airflow first takes seconds."""
        self.cast.wait(lambda: False, self._hidden_for(), self.scenario, Phase.STEADY)
        faults = faults_of(self.scenario, before.writer, self.rehearsal)
        at = self.cast.now()
        for number, fault in enumerate(faults):
            at = self.cast.now()
            self.cast.faults.inject(f"{self.load}-{number}", fault, self.rehearsal.within * FAULT_LASTS)
        told = ", ".join(map(str, faults)) or _comes_later(self.scenario, self.rehearsal)
        told = "is there; which it is, is told at the end" if self.cast.game_day else told
        self._phase(Phase.FAULT, told, (), at=at)
        return at

    def _answered(self, before: steady.Steady, at: float) -> Answer:
        world = self.cast.world
        behind = world.journal.head(world.service).seq
        who = answering(self.scenario)
        answer = who(self.cast, self.scenario, self.rehearsal, self.load, at, behind, before.writer).answer()
        told = f"{answer.view.id}: {answer.view.outcome}" if answer.view else "nothing was to be done, nothing was"
        self._phase(Phase.ANSWER, answer.told or told, answer.wrong, **answer.facts)
        return answer

    def _home(self, before: steady.Steady) -> None:
        try:
            done = go_home(self.cast, self.scenario, before)
            self._phase(Phase.HOME, ", ".join(done) or "it was there already", (), operations=done)
        except TidegateError as error:
            self._phase(Phase.HOME, "", (in_words(error),))

    def _again(self, before: steady.Steady, snapshot: dict[str, Any] | None) -> None:
        """A drill whose steady state does not return fails, whatever else went well."""
        try:
            seen = self._watch(self.cast.section.steady)
            after = steady.look(self.cast.world)
            report = steady.checked(self.cast.world, snapshot)
            said = (
                *steady.differences(before, after),
                *steady.disturbed(seen, self._availability()),
                *steady.unsound(report),
            )
            self._phase(Phase.AGAIN, _words(seen), said, **after.to_json())
        except TidegateError as error:
            self._phase(Phase.AGAIN, "", (in_words(error),))

    # What they are made of

    def _watch(self, seconds: float) -> Seen:
        """What users saw in a window that begins now."""
        since = self.cast.now()
        self.cast.wait(lambda: False, seconds + SETTLE, self.scenario, Phase.STEADY)
        return self.cast.load.seen(self.load, since, since + seconds)

    def _seen(self, since: float) -> Seen:
        """What users saw from the fault until its answer was at its end."""
        until = self.cast.now()
        self.cast.wait(lambda: False, SETTLE, self.scenario, Phase.HOME)
        try:
            return self.cast.load.seen(self.load, since, until)
        except TidegateError as error:
            self.wrong.append(f"what users saw is not known: {in_words(error)}")
            return Seen(Users())

    def _hidden_for(self) -> float:
        return self.cast.game_day.after if self.cast.game_day else 0.0

    def _availability(self) -> float:
        return float(self.cast.world.policy.objectives.availability)

    def _phase(self, phase: Phase, why: str, wrong: tuple[str, ...], **facts: Any) -> None:
        self.wrong += [f"{phase.value}: {one}" for one in wrong]
        self.cast.phase(self.scenario, phase, why, wrong, **facts)

    def _result(self, began: float) -> DrillResult:
        answer = self.answer
        view = answer.view if answer else None
        rto, rpo = targets.of(self.cast.policy, self.scenario)
        return DrillResult(
            drill=self.cast.id,
            scenario=self.scenario,
            environment=self.cast.world.service,
            began=began,
            ended=self.cast.now(),
            wrong=tuple(self.wrong),
            kind=view.kind.value if view else "",
            operation=view.id if view else "",
            plan=view.plan_digest if view else "",
            outcome=view.outcome.value if view and view.outcome else "",
            times=answer.times if answer else Times(),
            users=self.seen.users,
            served=self.seen.served_again if self.scenario in MOVES else None,
            rto_target=rto,
            rpo_target=rpo,
            steps=steps_of(view) if view else {},
            game_day=self.cast.game_day is not None,
            behind=answer.behind if answer else None,
        )

    def _written(self, result: DrillResult) -> DrillResult:
        """With what was missed and what was slower than it used to be."""
        wrong = (*result.wrong, *targets.missed(result))
        past = results_of(drills(self.cast.world.journal, self.cast.service), self.scenario, game_day=result.game_day)
        result = replace(result, wrong=wrong, flagged=flagged(result, past))
        self.cast.write(EventKind.DRILL_MEASURED, {"scenario": self.scenario.value, "result": result.to_json()})
        self.cast.say(f"{self.scenario.value}: {'passed' if result.ok else 'FAILED: ' + '; '.join(result.wrong)}")
        return result


def profile_of(traffic: Traffic) -> LoadProfile:
    """As many users as production has, who ask for the same."""
    return LoadProfile(
        float(traffic.rate), traffic.sessions, {name: part / TOTAL for name, part in traffic.mix.items()}
    )


def _comes_later(scenario: Scenario, rehearsal: Rehearsal) -> str:
    if scenario is Scenario.RESTORE:
        return "the database is taken for lost, and is not touched"
    if rehearsal.experiments:
        return f"experiments: {', '.join(rehearsal.experiments)}"
    if later := kinds_of(scenario):
        return f"{', '.join(sorted(later))}, once users have met {rehearsal.version}"
    return f"{rehearsal.version} is bad by itself"


def in_words(error: TidegateError) -> str:
    """With what to do about it."""
    return f"{error.message}. {error.next_step}" if error.next_step else error.message


def _words(seen: Seen) -> str:
    users = seen.users
    return f"{users.requests} requests, {users.failed} failed, {users.sessions_broken} sessions broken"
