"""Whoever holds a drill is killed, at any moment: the next drill brings the environment home before it begins."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.drills import SERVICE, InProcess, Stage, stage
from tidegate.drill.cast import Cast
from tidegate.drill.session import hold
from tidegate.drivers.faults.contract import Faults
from tidegate.drivers.load.contract import Load
from tidegate.engine.drills import BEAT_TTL, drills
from tidegate.engine.view import fold_operation
from tidegate.engine.watchkeeping import open_view
from tidegate.journal.model import EventKind
from tidegate.model.drill import Scenario
from tidegate.model.operation import OperationKind

ROWS = 8  # of a scenario that is held whole: its seven parts and its result


class Killed(BaseException):
    """As SIGKILL: whoever it happens to does nothing any more."""


@dataclasses.dataclass(frozen=True)
class Mortal(Cast):
    """Dies behind row ``last`` of its own. ``rows``: those that it wrote."""

    last: int = 10_000
    rows: list[str] = dataclasses.field(default_factory=list)

    def write(self, kind: EventKind, body: Mapping[str, Any]) -> None:
        self._lives()
        super().write(kind, body)
        self.rows.append(kind.value)
        self._lives()

    def wait(self, *args: Any) -> bool:
        self._lives()
        return super().wait(*args)

    @property
    def faults(self) -> Faults:
        self._lives()
        return super().faults

    @property
    def load(self) -> Load:
        self._lives()
        return super().load

    def _lives(self) -> None:
        if len(self.rows) >= self.last:
            raise Killed


def mortal(cast: Cast, last: int, **fields: Any) -> Mortal:
    given = {field.name: getattr(cast, field.name) for field in dataclasses.fields(Cast)}
    return Mortal(**{**given, **fields}, last=last)


def die(found: Stage, cast: Cast, scenario: Scenario) -> None:
    """Its beat is old afterwards."""
    with pytest.raises(Killed):
        hold(cast, [scenario])
    found.rig.clock.sleep(BEAT_TTL * 2)


def at_home(found: Stage) -> None:
    world = found.rig.world
    assert open_view(world.journal, world.service) is None
    assert world.estate.database.observe()["east"].role == "primary"
    assert world.estate.database.observe()["west"].role == "standby"
    assert found.faults.active() == ()
    assert found.load.running() == ()


@pytest.mark.parametrize("row", range(1, ROWS + 1))
@pytest.mark.parametrize("scenario", [Scenario.REGION_LOSS, Scenario.BAD_RELEASE])
def test_after_any_row_the_next_one_goes_home_and_is_held(tmp_path: Path, scenario: Scenario, row: int) -> None:
    found = stage(tmp_path, {"region_loss": {}, "bad_release": {"version": "1.2.0"}})
    found.rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    die(found, mortal(found.cast, row), scenario)
    held = hold(found.again("drill-2"), [scenario])
    assert held.ok, found.said
    at_home(found)
    died = drills(found.rig.world.journal, SERVICE)[0]
    assert not died.ok
    assert died.wrong == ("whoever held it died; drill-2 takes it from there",)


def test_an_operation_that_died_with_its_holder_is_carried_on(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    world = found.rig.world

    @dataclasses.dataclass
    class Dying(InProcess):
        """A command at a terminal, which is killed with the drill once the operation has touched something."""

        def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
            found.rig.clock.ticks.append(self._look)
            return super().ask(kind, conf, request_id)

        def _look(self, _: float) -> None:
            view = open_view(world.journal, world.service)
            if view is not None and view.touched:
                cast.rows.extend(["dead"] * 20_000)
                raise Killed

    dying = Dying(world)
    cast = mortal(found.cast, 10_000, hands=dying, terminal=dying)
    die_with = found.rig.clock.ticks
    with pytest.raises(Killed):
        hold(cast, [Scenario.REGION_LOSS])
    die_with.pop()
    left = open_view(world.journal, world.service)
    assert left is not None, "it is still open"
    found.rig.clock.sleep(BEAT_TTL * 2)
    held = hold(found.again("drill-2"), [Scenario.REGION_LOSS])
    assert held.ok, found.said
    carried = fold_operation(world.journal.events(world.service, operation=left.id))
    assert carried is not None
    assert carried.outcome == "failed_over"
    at_home(found)


def test_one_that_cannot_be_brought_home_keeps_the_next_from_touching_anything(tmp_path: Path) -> None:
    found = stage(tmp_path, {"region_loss": {}})
    die(found, mortal(found.cast, 3), Scenario.REGION_LOSS)
    found.hands.away = True  # Airflow is gone for good
    found.rig.effects_log().clear()
    held = hold(found.again("drill-2"), [Scenario.REGION_LOSS])
    assert not held.ok
    assert any("could not be brought home: Airflow has not come back" in line for line in found.said), found.said
    assert "preconditions: Airflow does not answer: the drill could ask for nothing" in held.results[0].wrong
    assert found.rig.effects() == []
