"""``readiness__<service>``: green where the service could go back, red with what to do where it could not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.test_readiness import stored
from tests.support.airflow_runs import context, loaded_of
from tests.support.estate import build
from tests.support.operations import promote

pytestmark = pytest.mark.airflow


def test_it_goes_green_once_there_is_something_to_go_back_to(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    from tidegate.workflow.readiness import build_readiness
    from tidegate.workflow.worlds import prepared

    rig = build(tmp_path, stored())
    (task,) = build_readiness(loaded_of(rig)).tasks
    with prepared(rig.world):
        with pytest.raises(AirflowFailException, match="not ready"):
            task.execute(context(task_id="readiness"))
        promote(rig, "1.1.0")
        task.execute(context(task_id="readiness"))
    assert rig.world.journal.head("shop").lease is None


def test_its_runs_lead_to_the_services_page() -> None:
    from tidegate.workflow.pages import operation_of, service_of

    assert service_of("readiness__shop") == "shop"
    assert operation_of("readiness__shop", "scheduled__1") is None
