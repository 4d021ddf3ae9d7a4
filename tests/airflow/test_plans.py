"""A task runs its operation's bound plan, or nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.airflow_runs import blueprint_of
from tests.support.estate import build
from tests.support.operations import open_promotion, small_policy
from tidegate.errors import Refused

pytestmark = pytest.mark.airflow


def test_a_task_of_another_plan_is_held(tmp_path: Path) -> None:
    from tidegate.workflow.identity import same_plan

    rig = build(tmp_path, small_policy())
    view, blueprint = open_promotion(rig, "1.1.0"), blueprint_of(rig)
    same_plan(view, blueprint)
    with pytest.raises(Refused, match="Held before any effect") as held:
        same_plan(view, dataclasses.replace(blueprint, digest="sha256:another"))
    assert "tidegate break-glass shop" in held.value.next_step
