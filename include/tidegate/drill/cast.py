"""Who and what takes part in a drill."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.drill.hands import Hands
from tidegate.drill.incident import incident
from tidegate.drivers.faults.contract import Faults
from tidegate.drivers.load.contract import Load
from tidegate.engine.drills import BEAT, BEAT_TTL
from tidegate.engine.world import World
from tidegate.errors import NotSettled, Refused
from tidegate.journal.model import EventKind
from tidegate.model.drill import Phase, Scenario
from tidegate.policy.drills import Drills
from tidegate.policy.schema import Policy

ACTOR = "drill"
HIDDEN = "a game day"  # what a scenario is called while people are not to know which it is
POLL = 0.25  # seconds between two looks
_STOPPED = frozenset(
    {Phase.READY, Phase.STEADY, Phase.FAULT, Phase.ANSWER}
)  # parts that nobody has to see to their end


@dataclass(frozen=True)
class GameDay:
    """People answer, and do not know what is coming. ``after``: seconds of steady state until the fault is put in."""

    after: float


@dataclass(frozen=True)
class Cast:
    """``policy``: of the service whose plans are rehearsed; ``world``: of the environment that is broken. ``hands``:
    how Airflow is asked; ``terminal``: how somebody goes on without it. ``by``: who wanted the drill. ``say``: one line
    of progress. ``game_day``: nobody stands in for the people on call, and what is broken is not told.
    ``production``: the service's own world, that the environment is held against; it is only looked at. None: it is
    not held against anything."""

    id: str
    policy: Policy
    world: World
    hands: Hands
    terminal: Hands
    by: str
    say: Callable[[str], None]
    game_day: GameDay | None = None
    production: World | None = None

    def called(self, scenario: Scenario) -> str:
        """What the scenario is called where people see it while it goes on."""
        return HIDDEN if self.game_day else scenario.value

    @property
    def service(self) -> str:
        """The chain that the drill's rows stand in."""
        return self.policy.service

    @property
    def section(self) -> Drills:
        return drills_of(self.policy)

    @property
    def faults(self) -> Faults:
        found = self.world.estate.faults
        if found is None:
            raise _cannot(self.world.policy.service, "faults")
        return found

    @property
    def load(self) -> Load:
        found = self.world.estate.load
        if found is None:
            raise _cannot(self.world.policy.service, "load")
        return found

    def now(self) -> float:
        return self.world.clock.now()

    def beat(self, scenario: Scenario | None, phase: str) -> None:
        """Whoever waits for the drill sees that it is held."""
        body = {"drill": self.id, "scenario": self.called(scenario) if scenario else "", "phase": phase}
        self.world.journal.beat(self.service, BEAT, ttl=BEAT_TTL, body=body)

    def wait(self, until: Callable[[], bool], within: float, scenario: Scenario | None, phase: Phase) -> bool:
        """Whether it came about in time. Looks again and again, and shows that somebody waits.

        Raises :class:`NotSettled` if something begins with the service itself, unless the drill is on its way back."""
        deadline, beaten = self.now() + within, float("-inf")
        while not until():
            if self.now() >= deadline:
                return False
            if self.now() - beaten >= BEAT_TTL / 3:
                self.beat(scenario, phase.value)
                beaten = self.now()
                self._stop(phase)
            self.world.clock.sleep(POLL)
        return True

    def _stop(self, phase: Phase) -> None:
        if phase in _STOPPED and (now := incident(self.world.journal, self.service)):
            raise NotSettled(f"the drill was ended at once: {now}")

    def write(self, kind: EventKind, body: Mapping[str, Any]) -> None:
        """One row of the service's own chain."""
        with self.world.journal.locked(self.service) as txn:
            txn.append(kind, {"drill": self.id, **body}, actor=ACTOR)

    def phase(self, scenario: Scenario, phase: Phase, why: str, wrong: tuple[str, ...] = (), **facts: Any) -> None:
        """A part of the scenario is over."""
        self.say(f"{self.called(scenario)}: {phase.value}: {'; '.join(wrong) if wrong else why}")
        body = {
            "scenario": self.called(scenario),
            "phase": phase.value,
            "why": why,
            "wrong": list(wrong),
            "facts": facts,
        }
        self.write(EventKind.DRILL_PHASE, body)


def drills_of(policy: Policy) -> Drills:
    """Raises :class:`Refused` where the policy has none."""
    if policy.drills is None:
        raise Refused(
            f"the policy of {policy.service} has no drills",
            next_step="add drills: {environment: …, scenarios: {region_loss: {}}}; see docs/how-to/drills.md",
        )
    return policy.drills


def _cannot(environment: str, family: str) -> Refused:
    return Refused(
        f"{environment} is no environment for drills: its policy has no drivers.{family}",
        next_step=f"add drivers.{family} to it, and only there: it says that this service may be broken",
    )
