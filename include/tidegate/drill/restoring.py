"""The latest backup is restored beside the live database, proven whole, and dropped on the way home. Nothing is broken,
and the copy is never put in the live one's place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tidegate.drill import steady
from tidegate.drill.asking import Answer, Asking
from tidegate.drill.cast import ACTOR, Cast
from tidegate.drill.copies import note_copy
from tidegate.drill.incident import incident
from tidegate.drivers.backups.contract import Backups, Restored
from tidegate.engine import backups
from tidegate.engine.backups import Found
from tidegate.engine.drills import BEAT_TTL
from tidegate.errors import NotSettled, TidegateError
from tidegate.model.drill import Phase, Scenario, Times


class Restoring(Asking):
    """What was there before the order has to be in the copy: the archive is given as long to have it as it may be
    behind, and then the checks compare the copy with a snapshot of the live database from before. Rows that were
    written since are no fault of the copy, and nobody can tell them from those that it lacks: they are counted."""

    def answer(self) -> Answer:
        """Raises as a restore does, and :class:`NotSettled` if something begins with the service itself meanwhile."""
        world, cast = self.cast.world, self.cast
        snapshot, driver = steady.snapshot(world), backups.backups_of(world)
        archive = _Archive(driver, cast, cast.now())
        reached = cast.wait(archive.reaches, self._lag, self.scenario, Phase.ANSWER)
        ordered = cast.now()
        with beating(cast, self.scenario):
            found = backups.bring_up(
                world,
                None,
                person=cast.by,
                reason=f"drill {cast.id}: {cast.called(self.scenario)}",
                actor=ACTOR,
                snapshot=snapshot if reached else None,
                made=self._made,
            )
        took, behind = round(cast.now() - ordered, 3), archive.behind(ordered, found.restored)
        wrong = (*self._not_held_against(reached), *unproven(found, world.service))
        made = min(found.restored.seconds, took)
        times = Times(act=made, verify=round(took - made, 3), total=None if wrong else took)
        told = in_words(found, behind, times)
        return Answer(None, times, ordered, (*wrong, *self._late(took)), kept(found, behind), told, behind)

    def _made(self, copy: Restored) -> None:
        note_copy(self.cast, copy)
        if now := incident(self.cast.world.journal, self.cast.service):
            raise NotSettled(f"the drill was ended at once: {now}")

    def _not_held_against(self, reached: bool) -> Iterator[str]:
        if not reached:
            yield (
                f"within {self._lag:g} s the archive did not come to have what was there before the order, so the copy "
                f"was not compared with that: see that `tidegate keep-backups {self.cast.world.service}` runs"
            )

    def _late(self, took: float) -> Iterator[str]:
        if took > self.rehearsal.within:
            yield f"not proven whole within {self.rehearsal.within:g} s of the order"

    @property
    def _lag(self) -> float:
        rules = self.cast.world.policy.backups
        assert rules is not None  # as there is a driver
        return float(rules.archive_lag)


class _Archive:
    """``since``: what was there then has to come into it. ``_worst``: the most that it was seen to be behind."""

    def __init__(self, driver: Backups, cast: Cast, since: float) -> None:
        self._driver, self._cast, self._since = driver, cast, since
        self._until: float | None = None
        self._worst = 0.0

    def reaches(self) -> bool:
        self._until = self._driver.observe().archived_until
        if self._until is None:
            return False
        self._worst = max(self._worst, self._cast.now() - self._until)
        return self._until >= self._since

    def behind(self, ordered: float, copy: Restored) -> float | None:
        """Seconds; not less than the archive was behind at any time that it was looked at. None: not known."""
        known = [at for at in (self._until, copy.reached) if at is not None]
        return round(max(self._worst, ordered - max(known)), 3) if known else None


def unproven(found: Found, service: str) -> Iterator[str]:
    """Why nobody would rely on the copy, in words. Pure."""
    look = f"look at one yourself: tidegate restore {service} --to latest --reason WHY"
    wrong = [*steady.unsound(found.report), *([found.why] if found.tables is None else [])]
    for one in found.different:
        if one.live is None or one.restored is None:
            wrong.append(f"table {one.table} is only in the {'restored' if one.live is None else 'live'} database")
    yield from (f"{one}; {look}" for one in wrong)


def kept(found: Found, behind: float | None) -> dict[str, Any]:
    """As the drill's own row has it."""
    report = found.report
    return {
        "restored": found.restored.to_json(),
        "behind": behind,
        "checks": {"run": report.run_id, "verdict": report.verdict.value, "results": _results(found)},
        "checks_left_out": list(found.left_out),
        "different": [vars(one) for one in found.different],
        "not_compared": found.why,
    }


def in_words(found: Found, behind: float | None, times: Times) -> str:
    """What came of it. Pure."""
    passed = sum(status == "passed" for status in _results(found).values())
    lag = "nobody knows how far behind" if behind is None else f"{behind:.1f} s behind"
    rows = sum(one.only_live for one in found.different)
    lacks = f"at most {rows} rows as they are live are not in it" if rows else "no row of the live database is missing"
    one, proven = (
        found.restored,
        "not proven whole" if times.total is None else f"proven whole after {times.total:.1f} s",
    )
    return (
        f"{one.id}, of backup {one.backup}, {lag}, {proven}: "
        f"{passed} of {len(found.report.results)} checks passed, {lacks}"
    )


def _results(found: Found) -> dict[str, str]:
    return {result.id: result.status.value for result in found.report.results}


@contextmanager
def beating(cast: Cast, scenario: Scenario, every: float = BEAT_TTL / 3) -> Iterator[None]:
    """Whoever waits for the drill sees that it is held, while something is done that takes as long as it takes."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(every):
            try:
                cast.beat(scenario, Phase.ANSWER.value)
            except TidegateError as error:
                cast.say(f"{cast.called(scenario)}: nobody sees that it goes on: {error.message}")

    beats = threading.Thread(target=beat, name=f"{cast.id}-beats", daemon=True)
    beats.start()
    try:
        yield
    finally:
        over.set()
        beats.join()
