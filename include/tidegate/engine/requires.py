"""What services require of each other's releases, asked before one is promoted and before one is rolled back.

What a release requires is what its policy said when it was promoted: that stands in its opening row. Of one from before
the policy said anything, the policy speaks only if it is the newest: what was there earlier is not known to need it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.open_request import Request
from tidegate.engine.precedence import wished
from tidegate.engine.view import fold_operation
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal, Transaction
from tidegate.model.operation import OperationKind
from tidegate.model.release import Release
from tidegate.model.requirement import Requirement
from tidegate.policy.folder import load_folder
from tidegate.policy.places import policy_folder, snapshots
from tidegate.policy.requires import requirements

Said = Mapping[str, Sequence[Requirement]]
_OPENED = frozenset({EventKind.OPERATION_OPENED})


def said_by_policies() -> Said:
    """Service -> what its policy requires now; of a broken file, its last good state."""
    found = load_folder(policy_folder(), snapshots(), record=False).policies
    return {one.policy.service: requirements(one.policy) for one in found}


def refuse_unmet(world: World, txn: Transaction, request: Request, facts: ServiceFacts) -> None:
    """Raises :class:`Refused` for a promotion whose service requires what is not there, and for a rollback that would
    leave another service without what it requires."""
    if request.kind is OperationKind.PROMOTION:
        _promoted(world)
    elif request.kind is OperationKind.ROLLBACK and (goal := _goal(txn, request, facts)):
        _rolled_back(world, goal)


def noted(world: World, request: Request) -> dict[str, list[str]]:
    """What a promotion's opening row keeps of it."""
    wanted = world.policy.requires if request.kind is OperationKind.PROMOTION else ()
    return {"requires": list(wanted)} if wanted else {}


def _promoted(world: World) -> None:
    for wanted in requirements(world.policy):
        facts = facts_of(world.journal, wanted.service)
        at = [facts.stable.version] if facts.stable else []
        at += _on_its_way_to(world.journal, wanted.service)
        short = [version for version in at if not wanted.met_by(version)]
        if at and not short:
            continue
        found = f"is at {short[0]}" if short else "has no certified release"
        raise Refused(
            f"{world.service} requires {wanted}, and {wanted.service} {found}",
            next_step=f"promote {wanted.service} first: tidegate promote {wanted.service} <version> --reason <why>",
        )


def _on_its_way_to(journal: Journal, service: str) -> list[str]:
    """Where an open rollback of it goes."""
    lease = journal.head(service).lease
    if lease is None or lease.kind is not OperationKind.ROLLBACK:
        return []
    view = fold_operation(journal.events(service, operation=lease.operation))
    return [view.binding.stable.version] if view else []


def _goal(txn: Transaction, request: Request, facts: ServiceFacts) -> str:
    """The version that a rollback goes to; empty if it only undoes a promotion that is under way, or goes nowhere."""
    if lease := txn.head.lease:
        view = fold_operation(txn.events(operation=lease.operation))
        if view is not None and view.kind is OperationKind.PROMOTION and wished(view, request.target):
            return ""
    if request.target:
        return request.target
    before = facts.target_before(facts.stable.digest) if facts.stable else None
    return before.release.version if before else ""


def _rolled_back(world: World, goal: str) -> None:
    broken = list(left_without(world.journal, world.others(), world.service, goal))
    if not broken:
        return
    told = " and ".join(f"{name} {version} requires {wanted}" for name, version, wanted in broken)
    names = ", ".join(sorted({name for name, _, _ in broken}))
    raise Refused(
        f"{told}, and this goes back to {goal}",
        next_step=f"take {names} back first, in one go: tidegate run rollback {world.service} --with-dependents "
        f"--to {goal} --by <name> --reason <why>",
    )


def left_without(journal: Journal, said: Said, service: str, version: str) -> Iterator[tuple[str, str, Requirement]]:
    """Which other services' releases require another version than this: service, release, and what it requires. Those
    that are certified, and those on their way to users."""
    for name in sorted(said):
        facts = facts_of(journal, name)
        if name == service or facts.stable is None:
            continue
        asked = [(facts.stable.version, one) for one in required(journal, name, said[name], facts, facts.stable)]
        for release, wanted in [*asked, *_being_promoted(journal, name)]:
            if wanted.service == service and not wanted.met_by(version):
                yield name, release, wanted


def required(
    journal: Journal, service: str, said: Sequence[Requirement], facts: ServiceFacts, release: Release
) -> tuple[Requirement, ...]:
    """What that release of the service requires. ``said``: by its policy now."""
    mine = next((b for b in reversed(facts.baselines) if b.release.digest == release.digest), None)
    rows = journal.events(service, operation=mine.operation, kinds=_OPENED) if mine and mine.operation else []
    if rows and "requires" in rows[0].body:
        return tuple(Requirement.parse(text) for text in rows[0].body["requires"])
    newest = bool(facts.baselines) and facts.baselines[-1].release.digest == release.digest
    return tuple(said) if newest else ()


def _being_promoted(journal: Journal, service: str) -> list[tuple[str, Requirement]]:
    lease = journal.head(service).lease
    if lease is None or lease.kind is not OperationKind.PROMOTION:
        return []
    rows = journal.events(service, operation=lease.operation, kinds=_OPENED)
    candidate = str(rows[0].body["binding"].get("candidate_version", "")) if rows else ""
    return [(candidate, Requirement.parse(text)) for row in rows for text in row.body.get("requires", ())]


def facts_of(journal: Journal, service: str) -> ServiceFacts:
    return fold_facts(journal.events(service, kinds=FACT_KINDS))


def together(journal: Journal, said: Said, service: str, target: str | None) -> dict[str, str]:
    """Service -> the baseline that it goes back to, for it and whoever could not do with that; those first that
    nobody else here requires.

    Raises :class:`Refused` where no baseline of a dependent would do.
    """
    facts = facts_of(journal, service)
    before = facts.target_before(facts.stable.digest) if facts.stable else None
    goal = target or (before.release.version if before else "")
    if not goal:
        raise Refused(f"{service} has no earlier baseline to go back to", next_step=f"tidegate catalog {service}")
    found = {service: goal}
    left = [service]
    while left:
        at = left.pop()
        for name in dict.fromkeys(name for name, _, _ in left_without(journal, said, at, found[at])):
            if name not in found:
                found[name] = _fit(journal, said, name, at, found[at])
                left.append(name)
    return found


def _fit(journal: Journal, said: Said, name: str, service: str, version: str) -> str:
    """The newest baseline of a dependent that can do with that version."""
    facts = facts_of(journal, name)
    for one in reversed(facts.baselines):
        other = facts.stable is not None and one.release.digest != facts.stable.digest
        wanted = required(journal, name, said[name], facts, one.release)
        if other and one.release.digest not in facts.vetoed and all(
            w.met_by(version) for w in wanted if w.service == service
        ):  # fmt: skip
            return one.release.version
    raise Refused(
        f"no baseline of {name} can do with {service} {version}",
        next_step=f"roll forward: mend {service} and promote it; or say in the policy of {name} what it requires",
    )
