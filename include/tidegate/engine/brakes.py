"""Brakes: what keeps a service from being promoted. Veto, pin and stopped line are rows of the journal, the change
window stands in the policy, the error budget is counted by the guard. Pure.

A rollback is held by none of them, but for a veto on the very release that it would go back to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.engine.facts import ServiceFacts
from tidegate.engine.view import OperationView
from tidegate.errors import Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind
from tidegate.model.topology import Arm
from tidegate.plan.model import Phase, Stage, Step

BRAKE_KINDS = frozenset(
    {
        EventKind.RELEASE_VETOED,
        EventKind.PINNED,
        EventKind.UNPINNED,
        EventKind.LINE_STOPPED,
        EventKind.LINE_STARTED,
    }
)
PIN, LINE, WINDOW, BUDGET, DETOUR = "pin", "stop the line", "change window", "error budget", "detour"
DRILL = "overdue drill"
EXEMPTIBLE = frozenset({LINE, WINDOW, BUDGET, DETOUR, DRILL})
FORWARD = frozenset({OperationKind.PROMOTION, OperationKind.CONTRACT})  # kinds that brakes hold
GROWS = frozenset({"shift_traffic", "raise_exposure"})  # verbs that bring a release to more users


@dataclass(frozen=True)
class Brake:
    """Who put it on, why, and when (epoch seconds)."""

    person: str
    why: str
    at: float

    def __str__(self) -> str:
        return f"{self.person}: {self.why}"


@dataclass(frozen=True)
class Veto:
    """A release that must not run any more. It is for good. ``version`` may be empty in rows of before it was kept."""

    digest: str
    version: str
    brake: Brake


@dataclass(frozen=True)
class Brakes:
    """What is on now. ``vetoes``: oldest first, each digest once."""

    pin: Brake | None = None
    line: Brake | None = None
    vetoes: tuple[Veto, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "pin": vars(self.pin) if self.pin else None,
            "line": vars(self.line) if self.line else None,
            "vetoes": [{"digest": v.digest, "version": v.version, **vars(v.brake)} for v in self.vetoes],
        }

    def veto(self, digest: str) -> Veto | None:
        return next((v for v in self.vetoes if v.digest == digest), None)


def fold_brakes(events: Iterable[Event]) -> Brakes:
    """Replay. Events of other kinds are passed over."""
    brakes = Brakes()
    for event in events:
        brakes = _apply(brakes, event)
    return brakes


def _apply(brakes: Brakes, event: Event) -> Brakes:
    body = event.body
    mine = Brake(str(body.get("person", event.actor)), str(body.get("why", "")), event.at)
    if event.kind is EventKind.RELEASE_VETOED:
        if brakes.veto(body["digest"]):
            return brakes
        return replace(brakes, vetoes=(*brakes.vetoes, Veto(body["digest"], body.get("version", ""), mine)))
    if event.kind in (EventKind.PINNED, EventKind.UNPINNED):
        return replace(brakes, pin=mine if event.kind is EventKind.PINNED else None)
    if event.kind in (EventKind.LINE_STOPPED, EventKind.LINE_STARTED):
        return replace(brakes, line=mine if event.kind is EventKind.LINE_STOPPED else None)
    return brakes


@dataclass(frozen=True)
class Obstacle:
    """A brake in the way of a promotion. ``rule``: one of the names above. ``after``: what to do, for people."""

    rule: str
    words: str
    after: str


def pulled(service: str, brakes: Brakes) -> Iterator[Obstacle]:
    """What people have put on, as far as it holds every promotion."""
    by = "--by <name> --reason <why>"
    if brakes.pin:
        yield Obstacle(PIN, f"{service} is pinned to its release by {brakes.pin}", f"tidegate unpin {service} {by}")
    if brakes.line:
        after = f"wait for: tidegate start-line {service} {by}; or {exempted_by()}"
        yield Obstacle(LINE, f"the line of {service} is stopped by {brakes.line}", after)


def exempted_by() -> str:
    """How a person asks to go on all the same."""
    kinds = "|".join(Exemption)
    return f"ask for it with --exempt {kinds}, in your name. A rollback is always allowed"


def overridden(
    obstacles: Iterable[Obstacle], exemption: Exemption | None, facts: ServiceFacts, version: str
) -> tuple[Obstacle, ...]:
    """The obstacles that this exemption sets aside. Raises :class:`Refused` for the first that it does not."""
    if exemption is Exemption.RESTORE and facts.baseline(version) is None:
        raise Refused(
            f"{version} was never certified, so promoting it restores nothing",
            next_step="choose the exemption that fits, or promote a baseline",
        )
    found = tuple(obstacles)
    for one in found:
        if exemption is None or one.rule not in EXEMPTIBLE:
            raise Refused(one.words, next_step=one.after)
    return found


def not_vetoed(view: OperationView, stage: Stage, step: Step, brakes: Brakes) -> None:
    """Asked in the transaction of each intent. Raises :class:`Refused` where the step would bring a vetoed release to
    users: a promotion then turns back; a rollback is held as long as nobody is served by its target yet. Once somebody
    is, it goes on, for standing still between two bad releases helps nobody."""
    digest = _brought(view, stage, step)
    found = next((veto for one in _made_of(view, digest) if (veto := brakes.veto(one))), None)
    if found is not None:
        raise Refused(
            f"release {found.version or digest} ({digest}) was vetoed by {found.brake}",
            next_step="nothing here may bring it to users; choose another release",
        )


def _brought(view: OperationView, stage: Stage, step: Step) -> str:
    """The digest that this step helps to bring to users, empty if it brings none."""
    if stage.phase is Phase.RETURN:
        return ""
    if view.kind in (OperationKind.PROMOTION, OperationKind.PREVIEW):
        if view.certified and step.verb not in GROWS:
            return ""
        return str(view.facts.get("admit.verify", {}).get("release", {}).get("digest", ""))
    if view.kind is OperationKind.ROLLBACK and not _serves(view):
        return view.binding.stable.digest
    return ""


def _made_of(view: OperationView, digest: str) -> tuple[str, ...]:
    """The digest, and of a mix those of its parents; nothing for an empty one."""
    if view.kind is OperationKind.ROLLBACK:
        parents: Mapping[str, str] = view.binding.stable.parents
    else:
        parents = view.facts.get("admit.verify", {}).get("release", {}).get("parents", {})
    return (digest, *parents.values()) if digest else ()


def _serves(view: OperationView) -> bool:
    """Whether the router, as it was left, sends anybody to the release that is gone back to."""
    if view.left_split is None:
        return False
    regions: Mapping[str, int] = view.plan.settings["shares"]
    return any(view.left_split[Arm(region, view.binding.slot("stable"))] > 0 for region in regions)
