"""Airflow runs tasks at least once, with overlap: a try that was given up may wake up beside the newer one."""

from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.operations import open_promotion
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.errors import LeaseLost
from tidegate.journal.model import EventKind


def test_a_try_that_was_given_up_does_not_supersede_the_newer_one(tmp_path: Path) -> None:
    rig = build(tmp_path)
    view = open_promotion(rig, "1.1.0")
    run_step(rig.world, view.id, "admit.verify", actor="airflow")
    look_at_gate(rig.world, view.id, "admit.guard", actor="airflow")
    run_step(rig.world, view.id, "snapshot.take", actor="airflow")
    late: list[LeaseLost] = []

    def wake_up_late(_: object) -> None:
        with pytest.raises(LeaseLost, match=r"try 1 of wave-1\.deploy was given up") as refused:
            run_step(rig.world, view.id, "wave-1.deploy", actor="airflow", attempt=1)
        late.append(refused.value)

    rig.traffic.world.before_effect = lambda effect: wake_up_late(effect) if not late else None
    report = run_step(rig.world, view.id, "wave-1.deploy", actor="airflow", attempt=2)
    assert report.outcome == "done_now"
    assert late, "the first try never woke up"
    intents = [e for e in rig.world.journal.events("shop", operation=view.id) if e.body.get("node") == "wave-1.deploy"]
    assert [e.kind for e in intents] == [EventKind.STEP_INTENDED, EventKind.STEP_VERIFIED]
