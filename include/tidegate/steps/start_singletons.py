"""The service's singletons run where writes go, under a new epoch, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.errors import Refused, Unreachable
from tidegate.steps.contract import Look, Result, Standing, StepWorld, Verb

RUNS_WITHIN = 60.0  # seconds


class StartSingletons:
    """``region``: where. ``jobs``: which. ``after``: the step that stopped them: one that was started before it is
    started anew; empty: one that runs is left alone. Refuses as long as writes do not go to this region alone, and
    where one is seen to run elsewhere."""

    def describe(self, args: Mapping[str, Any]) -> str:
        return f"start {', '.join(args['jobs'])} in the {args['region']}, under this operation's epoch"

    def check(self, args: Mapping[str, Any], world: StepWorld) -> Look:
        region = world.binding.region(args["region"])
        _writes_go_here_alone(region, world)
        unseen = _runs_nowhere_else(args, world)
        missing = _missing(args, world)
        words = f"{', '.join(missing)} is to be started in {region}" if missing else f"runs in {region}"
        return Look(Standing.NOT_DONE if missing else Standing.DONE, f"{words}{unseen}")

    def apply(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> None:
        for job in _missing(args, world):
            world.estate.compute.start_singleton(world.binding.region(args["region"]), job, world.token)

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        region, compute = world.binding.region(args["region"]), world.estate.compute

        def all_run() -> bool:
            return all(compute.singleton(region, job).steady for job in args["jobs"]) and not _missing(args, world)

        world.wait(all_run, within=RUNS_WITHIN, what=f"{', '.join(args['jobs'])} runs in {region}")
        epochs = {job: compute.singleton(region, job).epoch for job in args["jobs"]}
        told = ", ".join(f"{job} under epoch {epoch}" for job, epoch in epochs.items())
        return Result(f"in {region} runs: {told}", {"region": region, "epochs": epochs})


def _writes_go_here_alone(region: str, world: StepWorld) -> None:
    """A job that begins before the fence would work beside the one that it follows."""
    writers = world.estate.database.writers()
    if writers != (region,):
        raise Refused(
            f"writes go to {' and '.join(writers) or 'nobody'}, not to {region} alone: no singleton is started there",
            next_step="retry this task once they do",
        )


def _runs_nowhere_else(args: Mapping[str, Any], world: StepWorld) -> str:
    """Words on regions that could not be asked. Raises :class:`Refused` where one of the jobs runs elsewhere."""
    region, unseen = world.binding.region(args["region"]), []
    for other in (name for name in world.shares if name != region):
        try:
            states = [world.estate.compute.singleton(other, job) for job in args["jobs"]]
        except Unreachable:
            unseen.append(other)
            continue
        running = [state.name for state in states if state.epoch is not None]
        if running and not _left_running(args, world):
            raise Refused(
                f"{', '.join(running)} runs in {other}: two are never started",
                next_step=f"stop it there, or bring {other} back: tidegate reprotect; then retry this task",
            )
    return f"; {', '.join(unseen)} could not be asked, and what it runs is refused by the database" if unseen else ""


def _left_running(args: Mapping[str, Any], world: StepWorld) -> bool:
    """A lost region did not do as it was told: that is on record, and the epoch fences what it runs."""
    return world.known.facts.get(args["after"], {}).get("stopped") is False


def _missing(args: Mapping[str, Any], world: StepWorld) -> list[str]:
    """The jobs that do not run in the region, or only as they were started before the step ``after`` or before this
    operation turned back: an order to stop that is still on its way is refused once they are started anew."""
    region = world.binding.region(args["region"])
    since = max(world.known.turned_back, world.known.facts.get(args["after"], {}).get("epoch", 0))
    states = [world.estate.compute.singleton(region, job) for job in args["jobs"]]
    return [state.name for state in states if state.epoch is None or state.epoch < since]


VERB: Verb = StartSingletons()
