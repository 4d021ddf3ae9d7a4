"""The facts as JSON: where an operation stands, what it waits for, and what needs a person first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion, promote
from tidegate.checks.model import Status
from tidegate.engine import control
from tidegate.engine.carriers import STEP_TTL
from tidegate.engine.runner import Halt, drive
from tidegate.errors import Refused
from tidegate.report.document import operation_document, overview_document
from tidegate.report.page import operation_html


class Interrupted(Exception):
    """The test has seen enough."""


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path)


def stopped_after(rig: Rig, seconds: float, version: str = "1.1.0") -> str:
    """An open operation, left as it stands after so many seconds."""
    view = open_promotion(rig, version)
    end = rig.clock.now() + seconds

    def look(_: float) -> None:
        if rig.clock.now() >= end:
            raise Interrupted

    rig.clock.ticks.append(look)
    with pytest.raises(Interrupted):
        drive(rig.world, view.id, actor="test")
    rig.clock.ticks.remove(look)
    return view.id


def document(rig: Rig, operation: str) -> dict[str, Any]:
    found = operation_document(rig.world.journal, "shop", operation, rig.clock.now())
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    return found


def overview(rig: Rig, *services: str, **troubles: str) -> list[dict[str, Any]]:
    found = overview_document(rig.world.journal, services or ("shop",), rig.clock.now(), troubles)
    return list(found["services"])


def test_an_open_operation_says_where_it_stands_and_what_is_missing(rig: Rig) -> None:
    found = document(rig, stopped_after(rig, 40))
    stands = found["position"]
    assert (stands["node"], stands["way"]) == ("wave-1.gate-50", "forward")
    assert stands["left"][0] == "wave-1.gate-50"
    assert stands["done"] + len(stands["left"]) == stands["of"]
    here = [n["id"] for s in found["plan"]["stages"] for n in s["nodes"] if n["here"]]
    assert here == ["wave-1.gate-50"]
    requests = next(r for r in found["waiting"]["readings"] if r["signal"] == "requests")
    assert requests["figures"]["have"] < requests["figures"]["need"] == 2000
    assert "more candidate requests in east" in found["headline"]["next"]


def test_weights_and_figures_over_time(rig: Rig) -> None:
    found = document(rig, promote(rig, "1.1.0").id)["series"]
    assert [percent for _, percent in found["weights"]["east"]] == [0.0, 5.0, 25.0, 50.0, 100.0]
    assert found["weights"]["west"][-1][1] == 100.0
    assert 10 < len(found["points"]) <= 91
    assert {"stable", "candidate"} <= {key for point in found["points"] for key in point}
    assert found["seconds"] >= found["points"][-1]["at"]


def test_a_stop_loss_is_marked_in_the_picture(rig: Rig) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    found = document(rig, promote(rig, "1.2.0").id)
    assert [mark["what"] for mark in found["series"]["marks"]] == ["loss stopped"]
    assert found["verdict"]["verdict"] == "fail"
    assert found["position"] is None


def test_it_says_how_old_the_guards_figures_are(rig: Rig) -> None:
    operation = stopped_after(rig, 30)
    rig.clock.at += 60  # the guard is gone: nobody looks any more
    found = document(rig, operation)
    assert found["guard"]["alive"] is False
    assert found["guard"]["age"] >= 60
    assert found["verdict"]["age"] >= 60
    assert {r["verdict"] for r in found["waiting"]["readings"]} == {"no_data"}


def test_an_operation_that_is_not_there(rig: Rig) -> None:
    with pytest.raises(Refused, match="no operation"):
        operation_document(rig.world.journal, "shop", "shop-promotion-0", 0.0)


def test_a_quiet_service_needs_nobody(rig: Rig) -> None:
    promote(rig, "1.1.0")
    (shop,) = overview(rig)
    assert shop["needs"] == []
    assert shop["stable"] == {"version": "1.1.0", "slot": "b"}
    assert [r["region"] for r in shop["regions"]] == ["east", "west"]
    assert shop["regions"][0]["serving"] == [{"version": "1.1.0", "percent": 100.0}]
    assert shop["regions"][0]["health"]["requests"] > 0
    assert shop["lease"] is None
    assert shop["catalog"][0]["version"] == "1.1.0"


def test_what_needs_a_person_stands_first(rig: Rig) -> None:
    rows = overview(rig, "alpha", "shop")
    assert [row["service"] for row in rows] == ["alpha", "shop"]  # no guard was ever seen of alpha
    rows = overview(rig, "shop", "alpha", shop="line 3: no such key")
    assert rows[1]["needs"] == ["its policy cannot be used as it stands: line 3: no such key"]


def test_a_dead_guard_and_a_lost_lease_are_alarms(rig: Rig) -> None:
    operation = stopped_after(rig, 30)
    rig.clock.at += 3600
    (shop,) = overview(rig)
    assert shop["urgency"] == 0
    assert any(words.startswith("no guard is alive") for words in shop["needs"])
    assert any(words.startswith("Nobody carries this operation on") for words in shop["needs"])
    found = document(rig, operation)
    assert found["carried"]["on"] is False
    assert found["break_glass"].split(" --by")[0] in found["carried"]["next"][0]
    assert shop["regions"][0]["age"] >= 3600


def test_a_pause_is_said_with_who_and_why(rig: Rig) -> None:
    operation = stopped_after(rig, 30)
    control.pause(rig.world, operation, person="cat", reason="lunch <b>", actor="test")
    found = document(rig, operation)
    assert (found["held"]["person"], found["held"]["why"]) == ("cat", "lunch <b>")
    assert found["controls"] == {"pause": False, "resume": True, "abort": True}
    assert "is paused" in found["headline"]["title"]
    assert found["series"]["marks"][-1]["what"] == "paused"
    (shop,) = overview(rig)
    assert any(words.startswith(f"cat paused {operation}") for words in shop["needs"])
    page = operation_html(rig.world.journal, "shop", operation, rig.clock, base="/tidegate")
    assert "lunch &lt;b&gt;" in page
    assert "lunch <b>" not in page


def test_what_airflow_says_is_said_where_it_differs(rig: Rig) -> None:
    operation = stopped_after(rig, 30)
    rig.clock.sleep(STEP_TTL)  # until the sign of whoever carried it has run out
    found = operation_document(rig.world.journal, "shop", operation, rig.clock.now(), run_state=lambda _: "success")
    assert found["carried"]["on"] is False
    assert "Its run in Airflow is success, and the operation is not at its end" in found["carried"]["words"]


def test_a_failed_node_is_an_alarm(rig: Rig) -> None:
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    rig.checks.status["orders_have_events"] = Status.VIOLATED
    with pytest.raises(Halt):
        promote(rig, "1.2.0")
    (shop,) = overview(rig)
    assert shop["urgency"] == 0
    assert shop["needs"][0].startswith("return.rung-traffic failed:")


def test_nothing_is_known_of_a_service_that_never_did_anything(rig: Rig) -> None:
    (row,) = overview(rig, "alpha")
    assert (row["stable"], row["operation"], row["regions"]) == (None, None, [])
    assert row["guard"] == {"alive": False, "age": None, "blind": ""}
