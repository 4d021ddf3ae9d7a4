"""Page, document, status and trail say at which rung the ladder stopped, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy
from tidegate.engine.runner import drive
from tidegate.engine.turn import turn_back
from tidegate.engine.view import OperationView
from tidegate.report.document import operation_document
from tidegate.report.page import operation_body


@pytest.fixture(scope="module")
def caught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Rig, OperationView]:
    """1.1.0 was everywhere, was turned back, and west has died meanwhile."""
    where: Path = tmp_path_factory.mktemp("rungs")
    rig = build(where, small_policy())
    rig.users.rate = 40.0
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-2.gate-100")
    turn_back(rig.world, view.id, why="a test", actor="test")
    rig.lose("west")
    drive(rig.world, view.id, actor="test")
    return rig, now(rig, view)


@pytest.fixture(scope="module")
def told(caught: tuple[Rig, OperationView]) -> dict[str, Any]:
    rig, view = caught
    return operation_document(rig.world.journal, "shop", view.id, rig.clock.now())


def test_the_document_has_the_ladder(told: dict[str, Any]) -> None:
    ladder = told["ladder"]
    assert ladder["rung"] == "traffic"
    (judged,) = ladder["judged"]
    assert (judged["rung"], judged["then"], judged["words"]) == ("traffic", "stop", "the last rung")
    assert judged["why"].startswith("restored: east: 0 of ")
    assert [(debt["region"], debt["node"]) for debt in ladder["debts"]] == [("west", "return.restore-2")]


def test_the_first_line_says_how_far_and_what_is_owed(told: dict[str, Any]) -> None:
    top = told["headline"]
    assert "1.1.0: its traffic was taken back and it is parked in slot b, without traffic" in top["changed"]
    assert "Owed: when west answers again: run the stable release in west" in top["next"]


def test_the_page_shows_it(told: dict[str, Any]) -> None:
    page = str(operation_body(told))
    assert "The ladder" in page
    assert "✓ traffic" in page
    assert "Owed in west" in page


def test_rows_that_were_not_needed_say_why(told: dict[str, Any]) -> None:
    nodes = {n["id"]: n for stage in told["plan"]["stages"] for n in stage["nodes"]}
    assert nodes["return.withdraw-1"]["detail"] == "nothing to do: the ladder stopped at traffic"
    assert nodes["return.everywhere-2"]["nothing_to_do"]
