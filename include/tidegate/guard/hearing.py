"""One operation before the judge: settings bound in its plan, a fold over the log, and the checkpoint to resume it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tidegate.engine.ladder import exposing, opened
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.guard.exposure import ExposureJudges, not_shown
from tidegate.judge.fold import Judge
from tidegate.judge.settings import BusinessRate, JudgeSettings, ServiceObjective
from tidegate.model.observation import Batch

log = logging.getLogger(__name__)

CHECKPOINT = "judge-checkpoint"  # key among the operation's evidence rows
CHECKPOINT_EVERY = 1.0  # seconds; what came after it is read from the log again


def judge_settings(view: OperationView, unit: str) -> JudgeSettings:
    """From the plan that was bound, never from the policy as it reads today."""
    bound, objectives = view.plan.settings["judge"], view.plan.settings["objectives"]
    return JudgeSettings(
        alpha=bound["alpha"],
        margin_errors=bound["margin_errors"],
        margin_latency=bound["margin_latency"],
        endpoints=tuple(bound["endpoints"]),
        regions=tuple(view.plan.settings["region_order"]),
        stable_slot=view.binding.stable_slot,
        availability=objectives["availability"],
        latency_p99=objectives["latency_p99"],
        warm_up=bound["warm_up"],
        stale_after=bound["stale_after"],
        unit=unit,
        service=ServiceObjective(**bound["service"]) if bound.get("service") else None,
        business=BusinessRate(**bound["business"]) if bound.get("business") else None,
    )


def exposure_judges(
    view: OperationView, settings: JudgeSettings, saved: Mapping[str, str] | None = None
) -> ExposureJudges:
    """The judges of the flags that the operation opens, as its plan divides α."""
    bound = view.plan.settings
    alpha = bound.get("exposure", {}).get("alpha", settings.alpha)
    return ExposureJudges(settings, alpha, {r: bound["shares"][r] for r in bound["region_order"]}, saved)


class Hearing:
    """The judge of one operation with its place in the log.

    A replaced guard loads the checkpoint and reads on from its cursor: the same fold, so no new α is spent.
    """

    def __init__(self, world: World, view: OperationView) -> None:
        self.operation = view.id
        self._world = world
        self._saved_at = 0.0
        self._judge, self._exposure, self.cursor = self._begin(view)

    def _begin(self, view: OperationView) -> tuple[Judge, ExposureJudges, str | None]:
        saved = self._world.journal.evidence(self._world.service, view.id, CHECKPOINT)
        settings = judge_settings(view, self._world.estate.metrics.unit)
        fresh = Judge(settings)
        if saved is None:
            return fresh, exposure_judges(view, settings), None
        try:
            shown = exposure_judges(view, settings, saved.get("exposure"))
            return Judge.load(saved["judge"]), shown, saved["cursor"]
        except ValueError as error:
            # Another Tidegate's: gates wait for evidence anew, and the false-alarm rate is spent a second time.
            log.warning("the judge of %s begins anew, its checkpoint cannot be read: %s", view.id, error)
            return fresh, exposure_judges(view, settings), saved["cursor"]

    def hear(self, batch: Batch, view: OperationView) -> None:
        """Fold what came since. Once the operation has begun to show flags, who sees what is behind one is judged by
        that: so that the release is not blamed for its flag, nor one flag for another."""
        if not exposing(view):
            self._judge.observe_all(batch)
            return
        self._judge.observe_all(not_shown(batch, opened(view)))
        self._exposure.watch(opened(view))
        self._exposure.hear(batch)

    def document(self, now: float) -> dict[str, Any]:
        """The evidence document as it stands."""
        return self._judge.document(now)

    def exposures(self, now: float) -> dict[str, dict[str, Any]]:
        """The evidence document of each flag that is being shown; empty before."""
        return self._exposure.documents(now)

    def save(self, cursor: str, now: float) -> None:
        """Keep a checkpoint, about once a second."""
        if now - self._saved_at < CHECKPOINT_EVERY:
            return
        saved = {"cursor": cursor, "judge": self._judge.dump(), "exposure": self._exposure.dump()}
        self._world.journal.put_evidence(self._world.service, self.operation, CHECKPOINT, saved)
        self._saved_at = now
