"""Who owns an operation stands on its pages and in what people are asked; who could not be told, as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_promotion
from tidegate.engine.noticing import Claim, claim, tell_result
from tidegate.model.notice import Point
from tidegate.policy.people import Owners
from tidegate.report.document import operation_document
from tidegate.report.overview import service_document
from tidegate.report.page import operation_html
from tidegate.report.page_overview import service_body

OWNERS = Owners(release="team-shop", rollback="team-shop", failover="sre", dashboard="eyes")


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path)


def test_pages_say_who_answers(rig: Rig) -> None:
    view, now = open_promotion(rig, "1.1.0"), rig.clock.now()
    page = operation_html(rig.world.journal, "shop", view.id, rig.clock, owners=OWNERS)
    assert "<dt>Owner</dt><dd>team-shop</dd>" in page
    row = service_document(rig.world.journal, "shop", now, owners=OWNERS)
    assert "team-shop: release, rollback; sre: failover; eyes: dashboard" in str(service_body(row, now, ""))
    assert "<dt>Owner</dt>" not in operation_html(rig.world.journal, "shop", view.id, rig.clock), "without a policy"


def test_who_could_not_be_told_stands_where_people_look(rig: Rig) -> None:
    view, now = open_promotion(rig, "1.1.0"), rig.clock.now()
    (mine,) = claim(rig.world, view.id, [Claim(Point.DECLARED, "declared", ("a", "b"))], actor="test")
    assert claim(rig.world, view.id, [mine], actor="somebody else") == [], "once"
    tell_result(rig.world, view.id, mine, {"b": "nobody listens"}, actor="test")
    tell_result(rig.world, view.id, mine, {"a": "late"}, actor="test")
    words = "not everybody was told of declared: b: nobody listens"
    document = operation_document(rig.world.journal, "shop", view.id, now)
    assert document["untold"] == [words]
    assert words in service_document(rig.world.journal, "shop", now)["needs"]
    assert words in operation_html(rig.world.journal, "shop", view.id, rig.clock)


def test_a_notice_is_no_sign_that_somebody_carries_it_on(rig: Rig) -> None:
    view = open_promotion(rig, "1.1.0")
    rig.clock.ticks.clear()
    rig.clock.sleep(120)
    claim(rig.world, view.id, [Claim(Point.DECLARED, "declared", ("a",))], actor="airflow notices shop")
    assert not operation_document(rig.world.journal, "shop", view.id, rig.clock.now())["carried"]["on"]
