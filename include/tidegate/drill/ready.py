"""Whether a drill may begin: every reason why not, in words that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from tidegate.drill.cast import ACTOR, Cast
from tidegate.drill.experiments import missing
from tidegate.drill.incident import alarm, incident
from tidegate.engine import guarding, readiness
from tidegate.engine.backups import backups_of
from tidegate.engine.brakes import BRAKE_KINDS, fold_brakes, pulled
from tidegate.engine.readiness_item import State
from tidegate.engine.watchkeeping import open_view
from tidegate.errors import TidegateError
from tidegate.model.drill import Scenario
from tidegate.policy.drills import Drills

NOT_ASKED = frozenset({"drill", "baselines"})
"""Items of readiness that keep no drill from being held: one is what a drill brings; the other is whether it could go
behind the release that is certified now, and no drill goes there."""


def reasons(cast: Cast, scenario: Scenario) -> Iterator[str]:
    """Nothing is changed by looking."""
    yield from blocked(cast.section, cast.now())
    yield from _busy(cast)
    yield from _broken(cast)
    yield from _not_ready(cast)
    yield from _cannot(cast, scenario)


def blocked(section: Drills, now: float) -> Iterator[str]:
    """Pure."""
    today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(section.timezone)).date()
    for text in section.blocked:
        first, _, last = text.partition("..")
        if date.fromisoformat(first) <= today <= date.fromisoformat(last or first):
            yield f"drills are blocked on {text} (drills.blocked)"


def _busy(cast: Cast) -> Iterator[str]:
    world = cast.world
    if now := incident(world.journal, cast.service):
        yield now
    if (view := open_view(world.journal, world.service)) is not None:
        yield f"{view.id} is open: let it end, or abort it"
    if lost := alarm(world.journal, world.service):
        yield f"an alarm is open in {world.service}: {lost}"
    for one in pulled(world.service, fold_brakes(world.journal.events(world.service, kinds=BRAKE_KINDS))):
        yield one.words
    if not guarding.alive(world.journal, world.service, cast.now()):
        yield f"no guard watches {world.service}: unpause rollback__{world.service}, or tidegate guard {world.service}"


def _broken(cast: Cast) -> Iterator[str]:
    for one in cast.faults.active():
        yield f"a fault is there already: {one.fault} ({one.id}), until {_clock(one.until)}"
    for which in cast.load.running():
        yield f"users of another drill are there: {which}"


def _not_ready(cast: Cast) -> Iterator[str]:
    found = readiness.assess(cast.world, actor=ACTOR)
    for item in found.items:
        if item.state is State.NOT_READY and item.what not in NOT_ASKED:
            yield f"readiness of {cast.world.service}: {item.of} {item.what}: {item.why}. {item.do}".replace(
                ":  ", ": "
            )


def _cannot(cast: Cast, scenario: Scenario) -> Iterator[str]:
    from tidegate.drill.answers import kinds_of

    if lacks := sorted(kinds_of(scenario) - cast.faults.kinds()):
        yield f"{cast.world.service} cannot have {', '.join(lacks)} put in"
    else:
        yield from missing(cast.faults, cast.section.scenarios[scenario].experiments)
    if scenario is Scenario.RESTORE:
        yield from _no_backups(cast)
    try:
        if not cast.hands.there():
            yield "Airflow does not answer: the drill could ask for nothing"
    except TidegateError as error:
        yield error.message


def _no_backups(cast: Cast) -> Iterator[str]:
    try:
        backups_of(cast.world)
    except TidegateError as error:
        yield f"{error.message}: {error.next_step}"


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")
