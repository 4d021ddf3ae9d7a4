"""What a rollback would do now: its plan, bound to what is observed, each step asked what it would find.

It touches nothing: no row is written and no lease is taken. What it says is as old as the moment in which it looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tidegate.drivers.token import Token
from tidegate.engine import guarding
from tidegate.engine.execute import step_world
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.mixing import derived
from tidegate.engine.open import Request, bind
from tidegate.engine.precedence import wished, would_give_way
from tidegate.engine.view import OperationView, fold_operation
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.model.binding import Binding
from tidegate.model.mix import vetoed_part
from tidegate.model.operation import OperationKind
from tidegate.model.release import Release
from tidegate.plan.describe import describe
from tidegate.plan.model import Gate, Node, Plan, Stage, Step
from tidegate.plan.rollback import rollback_plan
from tidegate.steps.contract import Known, Standing, StepWorld
from tidegate.steps.registry import verb

CHANGE, NOTHING, LATER, WAITS, UNSEEN, FORBIDDEN = "change", "nothing", "later", "waits", "unseen", "refused"


@dataclass(frozen=True)
class Foreseen:
    """One node. ``rung``: the rung of the ladder it belongs to, empty outside it. ``standing``: ``change`` (it would
    act now), ``nothing`` (the world is so already), ``later`` (it acts once what stands above is done), ``waits`` (a
    gate), ``unseen`` (what it asks does not answer now), ``refused`` (it would be refused, the rollback with it)."""

    node: str
    rung: str
    what: str
    standing: str
    why: str


@dataclass(frozen=True)
class Preview:
    """``leaves``, ``target``: versions. ``held``: the operation that holds the service, so that this one could not
    begin now; ``makes_room``: the one that would go back first, to make room for it. ``rungs``: those of the plan, in
    order; which of them is the last one, health and data decide. ``components``: of the target, by name: whether it
    ``goes back`` or ``stays``, and its digest."""

    service: str
    leaves: str
    target: str
    digest: str
    held: str
    rungs: tuple[str, ...]
    nodes: tuple[Foreseen, ...]
    makes_room: str = ""
    components: tuple[tuple[str, str, str], ...] = ()

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why it could not begin or not end, in words; empty if nothing is in the way."""
        held = (f"the service is held by {self.held}",) if self.held else ()
        return (*held, *(f"{n.node}: {n.why}" for n in self.nodes if n.standing == FORBIDDEN))


def preview_rollback(world: World, target: str | None) -> Preview:
    """Look at everything that a rollback would touch. ``target``: as for a rollback, None for the baseline before.

    Raises :class:`Refused` if there is no such baseline, or nothing to leave.
    """
    journal, service = world.journal, world.service
    facts = fold_facts(journal.events(service, kinds=FACT_KINDS))
    request = Request(OperationKind.ROLLBACK, "preview", "nobody", "a preview", target)
    request = replace(request, mix=derived(world, request.kind, target))
    lease = journal.head(service).lease
    lower = fold_operation(journal.events(service, operation=lease.operation)) if lease else None
    room = lower if would_give_way(lower, request.kind) else None
    binding = (room and wished(room, target)) or bind(request, facts)
    plan = rollback_plan(world.policy, world.policy_digest)
    seen = _look(world, facts, binding, plan)
    nodes = tuple(_foresee(seen, stage, node) for stage, node in plan.nodes())
    rungs = tuple(str(n.args["rung"]) for _, n in plan.nodes() if isinstance(n, Gate) and n.kind == "rung")
    return Preview(
        service, binding.candidate_version, binding.stable.version, plan.digest,
        lease.operation if lease and not room else "", rungs, nodes, room.id if room else "",
        component_moves(facts.stable.components if facts.stable else {}, binding.stable),
    )  # fmt: skip


def component_moves(now: Mapping[str, str], target: Release) -> tuple[tuple[str, str, str], ...]:
    """Of each component of the target: its name, whether it ``goes back`` or ``stays``, its digest there. Pure."""
    return tuple(
        (name, "stays" if now.get(name) == digest else "goes back", digest)
        for name, digest in sorted(target.components.items())
    )


def _look(world: World, facts: ServiceFacts, binding: Binding, plan: Plan) -> StepWorld:
    """The world as a step of that operation would see it, had it been opened now."""
    split = world.estate.traffic.observe().split
    now = world.clock.now()
    view = OperationView(
        "preview", world.service, OperationKind.ROLLBACK, plan, plan.digest, binding, "nobody", "a preview", "preview",
        now, split, left_split=split,
    )  # fmt: skip
    baselines = tuple(b.release for b in facts.baselines)
    demand = guarding.fresh_demand(world.journal, world.service, now)
    known = Known(baselines, facts.vetoed, split, {}, demand=demand)
    return step_world(world, view, known, Token(0, "preview"))


def _foresee(seen: StepWorld, stage: Stage, node: Node) -> Foreseen:
    rung = _rung_of(stage, node)
    if not isinstance(node, Step):
        return Foreseen(node.id, rung, describe(node), WAITS, "")
    standing, why = _target(seen) if node.verb == "verify_target" else _standing(seen, node)
    return Foreseen(node.id, rung, describe(node), standing, why)


def _rung_of(stage: Stage, node: Node) -> str:
    """The rung whose gate comes next in the stage."""
    gates = [n for n in stage.nodes[stage.nodes.index(node) :] if isinstance(n, Gate) and n.kind == "rung"]
    return str(gates[0].args["rung"]) if gates else ""


def _standing(seen: StepWorld, step: Step) -> tuple[str, str]:
    if not step.effect:
        return NOTHING, "a record in the journal, nothing else"
    try:
        look = verb(step.verb).check(step.args, seen)
    except Refused as error:
        return LATER, f"not before what stands above is done: {error.message}"
    except (TidegateError, KeyError) as error:
        return UNSEEN, str(error)
    if look.standing is Standing.DONE:
        return NOTHING, look.detail
    return (CHANGE if look.standing is Standing.NOT_DONE else FORBIDDEN), look.detail


def _target(seen: StepWorld) -> tuple[str, str]:
    """What the admission would say, but for the secrets: reading one is a row in the journal."""
    target = seen.binding.stable
    try:
        if bad := vetoed_part(target, seen.known.vetoed | seen.estate.artifacts.index().vetoed):
            return FORBIDDEN, f"baseline {bad} is vetoed"
        found = seen.estate.artifacts.verify(target.version)
    except TidegateError as error:
        return FORBIDDEN, str(error)
    if found.digest != target.digest:
        return FORBIDDEN, f"{target.version} on offer has digest {found.digest}, but {target.digest} was certified"
    return NOTHING, f"{target.version} is a certified baseline and can be fetched"
