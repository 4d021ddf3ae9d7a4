"""Did anything change, is it safe, what next: in every state an operation can be in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, promote, roll_back
from tidegate.checks.model import Status
from tidegate.engine.runner import Halt
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import Refused
from tidegate.report.headline import Headline, headline
from tidegate.report.page import operation_html


def of(view: OperationView, *, why: str = "", guard: bool = True) -> Headline:
    return headline(view, why, guard)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path)


def test_promoted(rig: Rig) -> None:
    top = of(promote(rig, "1.1.0"))
    assert (top.title, top.tone, top.safe) == ("1.1.0 is promoted", "good", "Yes.")
    assert top.next.startswith("Nothing. The way back: rollback__shop to 1.0.0. Watched until ")


def test_rolled_back_by_a_person(rig: Rig) -> None:
    promote(rig, "1.1.0")
    top = of(roll_back(rig))
    assert (top.title, top.tone) == ("Rolled back to 1.0.0", "good")


def test_refused_before_any_effect(rig: Rig) -> None:
    top = of(promote(rig, "9.9.9"), why="admit.verify: there is no such release")
    assert (top.title, top.changed) == ("9.9.9 was refused", "No.")
    assert top.next == "admit.verify: there is no such release"


def test_under_way(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    assert of(view).changed == "Not yet."
    assert of(view).next.startswith("admit.verify (")
    assert of(view).safe == "A guard watches."
    assert "NO GUARD IS ALIVE" in of(view, guard=False).safe


def test_held_on_the_way_back(rig: Rig) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    with pytest.raises(Halt):
        promote(rig, "1.2.0")
    (operation,) = {e.operation for e in rig.world.journal.events("shop") if e.operation and "promotion" in e.operation}
    view = require(fold_operation(rig.world.journal.events("shop", operation=operation)), operation)
    top = of(view)
    assert (top.title, top.tone) == ("1.2.0 is on its way back", "bad")
    assert top.next.startswith("return.rung-traffic failed:")
    assert f"tidegate break-glass shop {operation}" in top.next


def test_a_page_of_nothing_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="no operation"):
        operation_html(rig.world.journal, "shop", "shop-promotion-0")


def test_a_journal_that_was_tampered_with_is_said_on_the_page(rig: Rig, tmp_path: Path) -> None:
    import sqlite3

    view = promote(rig, "9.9.9")
    assert "verifies up to its last row" in operation_html(rig.world.journal, "shop", view.id)
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        for (trigger,) in database.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            database.execute(f"drop trigger {trigger}")
        database.execute("update events set actor = 'mallory' where seq = 1")
    assert "THE JOURNAL DOES NOT VERIFY" in operation_html(rig.world.journal, "shop", view.id)
