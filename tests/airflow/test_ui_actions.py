"""Every row of :mod:`tests.airflow.ui_actions`, done to a real run by Airflow's own API."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.ui_actions import ROWS, Case, Row, page
from tests.scenarios.test_crash_matrix import small_policy
from tests.support.airflow_loop import Loop, forget_runs
from tests.support.estate import ROOT, build
from tidegate.engine import carriers
from tidegate.journal.model import EventKind

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
RENEW = "TIDEGATE_RENEW_UI_ACTIONS"
PAGE = ROOT / "docs" / "reference" / "airflow-ui-actions.md"


@pytest.fixture(scope="module")
def api(metadata: Path) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    with TestClient(create_app()) as client:
        yield client


@pytest.fixture(autouse=True)
def no_runs_of_others(metadata: Path) -> None:
    forget_runs()


def case_of(row: Row, folder: Path, monkeypatch: pytest.MonkeyPatch, api: Any) -> Case:
    policy = small_policy()
    policy = policy.model_copy(update={"promotion": policy.promotion.model_copy(update={"approvals": row.approvals})})
    rig = build(folder, policy)
    rig.users.rate = 40.0
    case = Case(rig, Loop(rig, monkeypatch, api))
    case.loop.trigger(row.version)
    return case


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
def test_it_ends_as_the_table_says(row: Row, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, api: Any) -> None:
    case = case_of(row, tmp_path, monkeypatch, api)
    row.act(case)
    case.loop.go()
    assert case.seen() == row.then
    carried = who_carries(case)
    assert carried.on is not row.stranded, carried
    if row.after is not None:
        row.after(case)
        case.loop.go()
    assert case.seen() == (row.end or row.then)
    done_once(case)


def who_carries(case: Case) -> carriers.Carried:
    """As the page asks."""
    journal, view = case.rig.world.journal, case.loop.view()
    assert view is not None
    events = journal.events("shop", operation=view.id)
    now = case.rig.clock.now()
    return carriers.carried_on(view, events, journal.beats("shop"), now, run_state=case.loop.state())


def done_once(case: Case) -> None:
    """No step twice, no split written twice, the chain whole."""
    journal = case.rig.world.journal
    rows = journal.events("shop", operation=case.loop.operation)
    verified = Counter(e.body["node"] for e in rows if e.kind is EventKind.STEP_VERIFIED)
    assert {n for n, times in verified.items() if times > 1} == set()
    writes = Counter(e.detail["split"] for e in case.rig.effects() if e.family == "traffic")
    assert {split for split, times in writes.items() if times > 1} == set()
    assert not journal.verify("shop")


def test_the_page_is_the_table() -> None:
    print(page())
    build_ui = ROOT / "build" / "ui"
    build_ui.mkdir(parents=True, exist_ok=True)
    (build_ui / "actions.md").write_text(page())
    if os.environ.get(RENEW):
        PAGE.write_text(page())
    assert page() == PAGE.read_text(), f"if that is meant: {RENEW}=1 pytest {__file__}"
