"""A whole drill: its scenarios one after the other, and its rows in the journal."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.drill.cast import ACTOR, Cast
from tidegate.drill.home import left_over
from tidegate.drill.incident import incident
from tidegate.drill.rehearse import Rehearsing
from tidegate.engine.drills import BEAT, DRILL_KINDS, Held, drills, fold_drills, unfinished
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.drill import Scenario


def hold(cast: Cast, scenarios: Sequence[Scenario]) -> Held:
    """Hold the drill, all of it. Returns what the journal has of it.

    Raises :class:`Refused` if another one is held, before anything is touched. One whose holder died is ended first:
    its faults are lifted, and what it left is told. Whatever interrupts a drill, its way back is gone first.
    """
    _begin(cast, scenarios)
    wrong: list[str] = []
    try:
        for scenario in scenarios:
            if now := incident(cast.world.journal, cast.service):
                wrong.append(f"ended before {cast.called(scenario)}: {now}")
                break
            Rehearsing(cast, scenario).run()
    except BaseException as error:
        wrong.append(f"interrupted: {type(error).__name__}")
        raise
    finally:
        wrong += left_over(cast)
        cast.write(EventKind.DRILL_ENDED, {"wrong": wrong})
    return next(one for one in drills(cast.world.journal, cast.service) if one.id == cast.id)


def _begin(cast: Cast, scenarios: Sequence[Scenario]) -> None:
    """In one transaction: two that ask at once do not both begin."""
    journal = cast.world.journal
    body = {
        "drill": cast.id,
        "environment": cast.world.service,
        "scenarios": [cast.called(scenario) for scenario in scenarios],
        "by": cast.by,
        **({"game_day": True} if cast.game_day else {}),
    }
    with journal.locked(cast.service) as txn:
        other = unfinished(fold_drills(txn.events(kinds=DRILL_KINDS)))
        beat = journal.beats(cast.service).get(BEAT)
        if other is not None and beat is not None and beat.expires_at >= cast.now():
            raise Refused(f"{other.id} is held now: {other.phase}", next_step="wait for its end")
        if other is not None:
            wrong = ["whoever held it died; its faults were lifted by the next drill"]
            txn.append(EventKind.DRILL_ENDED, {"drill": other.id, "wrong": wrong}, actor=ACTOR)
        txn.append(EventKind.DRILL_BEGUN, body, actor=ACTOR)
    cast.beat(None, "begins")
    for one in cast.faults.active():
        if other is not None and one.id.startswith(other.id):
            cast.faults.lift(one.id)
    for which in cast.load.running():
        if other is not None and which.startswith(other.id):
            cast.load.stop(which)
