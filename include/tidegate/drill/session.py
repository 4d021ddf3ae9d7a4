"""A whole drill: its scenarios one after the other, and its rows in the journal."""

from __future__ import annotations

from collections.abc import Sequence

from tidegate.drill.cast import ACTOR, Cast
from tidegate.drill.died import bring_home
from tidegate.drill.home import left_over
from tidegate.drill.incident import incident
from tidegate.drill.parity import Difference, compare
from tidegate.drill.rehearse import Rehearsing
from tidegate.engine.drills import BEAT, DRILL_KINDS, Held, drills, fold_drills, unfinished
from tidegate.errors import Refused, TidegateError
from tidegate.journal.model import EventKind
from tidegate.model.drill import Scenario


def hold(cast: Cast, scenarios: Sequence[Scenario]) -> Held:
    """Hold the drill, all of it. Returns what the journal has of it.

    Raises :class:`Refused` if another one is held, before anything is touched. Where a holder died, the environment is
    brought home first; what that did not achieve stands in the way of every scenario. Whatever interrupts a drill, its
    way back is gone first. An environment that is not what production is fails the drill as a whole.
    """
    died = _begin(cast, scenarios)
    wrong: list[str] = []
    try:
        _bring_home(cast, died)
        wrong += unlike(cast)
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


def unlike(cast: Cast) -> list[str]:
    """How the environment differs from production, in words, but for what the policy lets differ."""
    if cast.production is None:
        return []
    found = compare(cast.production, cast.world)
    said = [f"not as production: {one}" for one in found.differences if not _may_differ(one, cast.section.may_differ)]
    said += [f"not known whether it is as production: {what}" for what in found.unknown]
    for line in said:
        cast.say(f"parity: {line}")
    return said


def _may_differ(one: Difference, lines: Sequence[str]) -> bool:
    """A line covers what stands beneath it."""
    at = one.where if one.what == "settings" else one.what
    return any(at == line or at.startswith(f"{line}.") for line in lines)


def _bring_home(cast: Cast, died: Held | None) -> None:
    if died is None:
        return
    try:
        done = bring_home(cast, died)
        cast.say(f"{died.id}: its holder died; brought home: {', '.join(done) or 'it was there already'}")
    except TidegateError as error:
        cast.say(f"{died.id}: its holder died, and it could not be brought home: {error.message}")


def _begin(cast: Cast, scenarios: Sequence[Scenario]) -> Held | None:
    """In one transaction: two that ask at once do not both begin. Returns the one before, if its holder died."""
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
            wrong = [f"whoever held it died; {cast.id} takes it from there"]
            txn.append(EventKind.DRILL_ENDED, {"drill": other.id, "wrong": wrong}, actor=ACTOR)
        txn.append(EventKind.DRILL_BEGUN, body, actor=ACTOR)
    cast.beat(None, "begins")
    return other
