"""How far the guilty component's fault reaches: what a promotion is told to go on with, and what a rollback goes to."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from tidegate.engine.after_promotion import Watched
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.mixing import unfit
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.model.binding import release_from_json
from tidegate.model.guilt import guilty_component


def go_on_without(view: OperationView, failing: Sequence[str]) -> str:
    """What to do with the rest of a candidate of which one component is guilty: the exact command, or why there is
    none. Empty where the policy names no components."""
    owners, admitted = view.plan.settings.get("components"), view.facts.get("admit.verify")
    if not owners or not admitted:
        return ""
    found = guilty_component(failing, owners, release_from_json(admitted["release"]), view.binding.stable)
    if not found.without:
        return f"no component alone is guilty: {found.why}"
    command = f"tidegate promote {shlex.quote(view.service)} {shlex.quote(found.without)} --reason WHY"
    return f"{found.why}; to go on with the rest: {command}"


def back_to(world: World, watched: Watched, failing: Sequence[str]) -> tuple[str, str]:
    """(the mix that a rollback goes to, why) for a release that fails after its promotion; the mix is empty where all
    of it goes back, and both are where the policy names no components."""
    owners = watched.view.plan.settings.get("components")
    if not owners:
        return "", ""
    facts = fold_facts(world.journal.events(world.service, kinds=FACT_KINDS))
    before = facts.target_before(watched.release.digest)
    found = guilty_component(failing, owners, watched.release, before.release if before else None)
    if not found.without:
        return "", f"all of it goes back: {found.why}"
    if why := unfit(world, found.without):
        return "", f"all of it goes back: {found.why}, but {why}"
    return found.without, f"{found.why}: only that goes back, to {found.without}"
