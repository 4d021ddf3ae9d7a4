"""The time after a promotion in which its release is still watched: until when, what was found, who has answered.

All of it stands in the journal, so that two guards, a replaced one and every page say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.engine import automatic
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind
from tidegate.model.release import Release

FAILED = "failed after its promotion"
UNANSWERED = "nobody has taken it back"
ANSWER_WITHIN = 30.0  # seconds for an operation to be opened before somebody is paged


@dataclass(frozen=True)
class Watched:
    """``view``: the promotion that certified the release. ``seq``: the row that says so. ``since``, ``until``: epoch
    seconds. ``until`` may be over: see :meth:`at`."""

    release: Release
    view: OperationView
    seq: int
    since: float
    until: float

    @property
    def id(self) -> str:
        """Of the detection, if there is one: the same for every guard."""
        return f"watch-{self.view.service}-{self.seq}"

    def at(self, now: float) -> bool:
        """Whether the watch is on."""
        return now < self.until


@dataclass(frozen=True)
class Finding:
    """A watched release failed. ``at``: of the row. ``paged``: whether somebody was told that nobody answers.
    ``target``: the mix that is to be gone back to; empty: the baseline before. ``because``: why the guard may not ask
    for the rollback by itself, empty if it may."""

    why: str
    at: float
    observed_at: float
    paged: bool
    answered: bool
    target: str = ""
    because: str = ""


def watched_release(journal: Journal, service: str) -> Watched | None:
    """The stable release, if it is one that its promotion's plan has watched afterwards."""
    facts = fold_facts(journal.events(service, kinds=FACT_KINDS))
    if facts.stable is None:
        return None
    digest = facts.stable.digest
    baseline = next((b for b in reversed(facts.baselines) if b.release.digest == digest), None)
    if baseline is None or baseline.operation is None:
        return None
    view = fold_operation(journal.events(service, operation=baseline.operation))
    until = watched_until(view) if view else None
    if view is None or until is None:
        return None
    return Watched(baseline.release, view, baseline.seq, baseline.at, until)


def watched_until(view: OperationView) -> float | None:
    """When the watch over the release that the promotion certified ends: its time counts from the promotion's last
    row about a node, so that flags which are raised after the certificate take nothing from it. None: no watch."""
    seconds = view.plan.settings.get("then_watch") if view.kind is OperationKind.PROMOTION else None
    if not seconds or not view.certified:
        return None
    return max(state.at or 0.0 for state in view.nodes.values()) + float(seconds)


def finding(journal: Journal, watched: Watched) -> Finding | None:
    """What was found of the watched release, None if nothing was."""
    notes = journal.events(watched.view.service, operation=watched.view.id, kinds={EventKind.NOTE})
    failed = next((e for e in notes if _about(e, FAILED, watched)), None)
    if failed is None:
        return None
    opened = journal.events(watched.view.service, kinds={EventKind.OPERATION_OPENED})
    return Finding(
        why=str(failed.body["why"]),
        at=failed.at,
        observed_at=float(failed.body["observed_at"]),
        paged=any(_about(e, UNANSWERED, watched) for e in notes),
        answered=any(e.seq > failed.seq for e in opened),
        target=str(failed.body.get("target", "")),
        because=str(failed.body.get("because", "")),
    )


def declare_failed(
    world: World, watched: Watched, *, why: str, observed_at: float, actor: str, target: str = ""
) -> bool:
    """Say once that the watched release fails. ``target``: the mix to go back to, if it is not all of it. False if
    it was said before, if an operation holds the service, if the watch is over, or if the release is no longer the
    stable one."""
    with world.journal.locked(world.service) as txn:
        facts = fold_facts(txn.events(kinds=FACT_KINDS))
        still = facts.stable is not None and facts.stable.digest == watched.release.digest
        notes = txn.events(operation=watched.view.id, kinds={EventKind.NOTE})
        said = any(_about(e, FAILED, watched) for e in notes)
        if said or not still or txn.head.lease is not None or not watched.at(world.clock.now()):
            return False
        body = {"what": FAILED, "why": why, "observed_at": observed_at, "baseline": watched.seq, "id": watched.id}
        body |= {"target": target} if target else {}
        held = automatic.held_back(txn.events(kinds=automatic.KINDS), world.clock.now())
        body |= {"because": held} if held else {}
        txn.append(EventKind.NOTE, body, actor=actor, operation=watched.view.id)
        return True


def page(world: World, watched: Watched, *, actor: str) -> str:
    """Say once in the journal that nobody has answered; the words with the exact command, empty if it was said."""
    found = finding(world.journal, watched)
    words = unanswered(watched, found.target if found else "", found.because if found else "")
    with world.journal.locked(world.service) as txn:
        if any(_about(e, UNANSWERED, watched) for e in txn.events(operation=watched.view.id, kinds={EventKind.NOTE})):
            return ""
        body = {"what": UNANSWERED, "why": words, "baseline": watched.seq}
        txn.append(EventKind.NOTE, body, actor=actor, operation=watched.view.id)
    return words


def unanswered(watched: Watched, target: str = "", because: str = "") -> str:
    """What somebody has to do now, in words. ``because``: why the guard does not do it."""
    service, version = watched.view.service, watched.release.version
    to = f"--to {target} " if target else ""
    held = f" ({because})" if because else ""
    return (
        f"{version} FAILS AT FULL TRAFFIC and no rollback has begun{held}. Nothing was changed. Roll back: "
        f'tidegate rollback {service} {to}--reason "{version} fails" --wait; is Airflow gone as well: '
        f'tidegate rollback {service} {to}--without-airflow --by <name> --reason "{version} fails"'
    )


def _about(event: Event, what: str, watched: Watched) -> bool:
    return event.body.get("what") == what and event.body.get("baseline") == watched.seq
