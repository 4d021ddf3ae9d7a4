"""What the journal has of a service's drills. Pure folds over its rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.drill import DrillResult, Scenario

DRILL_KINDS = frozenset({EventKind.DRILL_BEGUN, EventKind.DRILL_PHASE, EventKind.DRILL_MEASURED, EventKind.DRILL_ENDED})
BEAT = "drill"  # among the service's beats: whoever holds a drill is alive
BEAT_TTL = 30.0  # seconds
LAST = 10  # drills that a new one is compared with
P95_OF = 20  # runs of a step at least, for a p95 that says something


@dataclass(frozen=True)
class Held:
    """One drill. ``scenarios``: those it was begun with. ``ended``: epoch seconds, None while it runs, or where whoever
    held it died. ``wrong``: why the drill as a whole is no good, besides what its scenarios say."""

    id: str
    environment: str
    began: float
    by: str
    scenarios: tuple[str, ...]
    results: tuple[DrillResult, ...] = ()
    ended: float | None = None
    wrong: tuple[str, ...] = ()
    phase: str = ""
    game_day: bool = False

    @property
    def ok(self) -> bool:
        """It has come to its end, and each of its scenarios passed."""
        whole = self.game_day or {result.scenario.value for result in self.results} == set(self.scenarios)
        whole = whole and len(self.results) == len(self.scenarios)
        return self.ended is not None and not self.wrong and whole and all(result.ok for result in self.results)


def drills(journal: Journal, service: str) -> list[Held]:
    """Oldest first."""
    return fold_drills(journal.events(service, kinds=DRILL_KINDS))


def fold_drills(rows: Iterable[Event]) -> list[Held]:
    """Replay. Events of other kinds are passed over."""
    found: dict[str, Held] = {}
    for row in rows:
        if row.kind is EventKind.DRILL_BEGUN:
            body = row.body
            found[body["drill"]] = Held(
                body["drill"],
                body["environment"],
                row.at,
                str(body["by"]),
                tuple(body["scenarios"]),
                game_day=bool(body.get("game_day")),
            )
        elif row.kind in DRILL_KINDS and row.body["drill"] in found:
            found[row.body["drill"]] = _and_then(found[row.body["drill"]], row)
    return list(found.values())


def _and_then(held: Held, row: Event) -> Held:
    if row.kind is EventKind.DRILL_MEASURED:
        return replace(held, results=(*held.results, DrillResult.from_json(row.body["result"])))
    if row.kind is EventKind.DRILL_ENDED:
        return replace(held, ended=row.at, wrong=tuple(row.body["wrong"]), phase="")
    return replace(held, phase=f"{row.body['scenario']}: {row.body['phase']}")


def unfinished(held: Sequence[Held]) -> Held | None:
    """The newest, if it has not come to its end."""
    return held[-1] if held and held[-1].ended is None else None


def last_good(held: Sequence[Held]) -> Held | None:
    """The newest one that passed."""
    return next((one for one in reversed(held) if one.ok), None)


def results_of(held: Sequence[Held], scenario: Scenario, *, game_day: bool = False) -> list[DrillResult]:
    """Every result of that scenario, oldest first; of game days, or of drills without people."""
    every = [result for one in held for result in one.results if result.scenario is scenario]
    return [result for result in every if result.game_day == game_day]


def flagged(new: DrillResult, past: Sequence[DrillResult]) -> tuple[str, ...]:
    """What was slower than it used to be, in words.

    An objective: worse than in every one of the last ten good ones. If nothing has changed, that comes about once in
    eleven drills (each of eleven exchangeable values is as likely to be the largest). A step: slower than the p95 of
    its own last runs, twenty at least.
    """
    good = [result for result in past if result.ok]
    return (*_objective(new, good[-LAST:]), *_steps(new, good))


def _objective(new: DrillResult, last: Sequence[DrillResult]) -> Iterable[str]:
    before = [result.restored for result in last if result.restored is not None]
    if new.restored is not None and len(before) == LAST and new.restored > max(before):
        yield (
            f"restored after {new.restored:.1f} s, longer than in each of the last {LAST} drills "
            f"({min(before):.1f} to {max(before):.1f} s)"
        )


def _steps(new: DrillResult, past: Sequence[DrillResult]) -> Iterable[str]:
    for node, seconds in new.steps.items():
        before = sorted(result.steps[node] for result in past if node in result.steps)
        if len(before) >= P95_OF and seconds > (limit := before[int(0.95 * len(before))]):
            yield f"{node} took {seconds:.1f} s; 95 of 100 of its last {len(before)} runs took {limit:.1f} s at most"
