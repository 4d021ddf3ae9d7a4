"""The page of drills: its figures are those of the journal's rows, and its picture is drawn of the same."""

from __future__ import annotations

import re
from dataclasses import replace

from tidegate.engine.drills import Held
from tidegate.model.drill import DrillResult, Scenario, Times, Users
from tidegate.report.drill_page import drills_html
from tidegate.report.drill_trend import HEIGHT, TOP, trend

GOOD = DrillResult(
    "d-1", Scenario.REGION_LOSS, "shop-drill", 1_800_000_000.0, 1_800_000_100.0, kind="failover", operation="op-1",
    outcome="failed_over", times=Times(detect=1.0, decide=0.2, act=0.5, verify=3.0, total=1.7),
    users=Users(4000, 148, 2, 0), served=1.92, rto_target=60.0, steps={"promote": 0.4, "fence": 0.1},
)  # fmt: skip
LATE = replace(GOOD, drill="d-2", began=1_800_086_400.0, served=75.0, wrong=("restored after 75.0 s, the RTO is 60 s",))


def held(*results: DrillResult, **fields: object) -> Held:
    first = results[0]
    one = Held(first.drill, "shop-drill", first.began, "ann", tuple(r.scenario.value for r in results), results,
               ended=results[-1].ended)  # fmt: skip
    return replace(one, **fields)  # type: ignore[arg-type]


def test_the_newest_drill_says_first_whether_it_is_safe_and_what_is_next() -> None:
    text = drills_html("shop", [held(GOOD), held(LATE)])
    assert text.index("d-2 FAILED") < text.index("Trend against the RTO")
    assert "what failed here would fail at night, too" in text
    assert "mend what is wrong, then: tidegate drill shop" in text
    assert "Served again after 75.00 s; the RTO of 60 s is MISSED." in text
    assert "148 of 4000 requests failed, 2 sessions broken, 0 acknowledged writes lost" in text


def test_one_that_passed_says_that_nothing_is_to_be_done() -> None:
    text = drills_html("shop", [held(GOOD)])
    assert "d-1 passed" in text
    assert "shop was not touched; shop-drill was broken, and was brought home" in text
    assert text.index("promote") < text.index("fence"), "the slowest step first"


def test_without_any_drill_the_page_says_so() -> None:
    assert "shop: no drill was ever held" in drills_html("shop", [])


def test_the_picture_s_heights_are_the_figures() -> None:
    picture = str(trend([GOOD, LATE]))
    heights = [float(y) for y in re.findall(r'<circle[^>]* cy="([\d.]+)"', picture)][:2]
    grid = {words: float(y) for y, words in re.findall(r'y="([\d.]+)" text-anchor="end">([\d.]+) s<', picture)}
    zero, most = grid["0"] - 4, grid["82.5"] - 4
    assert most == TOP
    per_second = (zero - most) / 82.5
    assert [round((zero - y) / per_second, 1) for y in heights] == [1.9, 75.0]
    rto = float(re.findall(r'y1="([\d.]+)"[^>]*class="promise"', picture)[0])
    assert round((zero - rto) / per_second) == 60
    assert zero < HEIGHT
    assert picture.count("mark bad") == 1, "the one that failed is crossed out"


def test_scenarios_are_told_apart_without_colour() -> None:
    other = replace(GOOD, scenario=Scenario.AIRFLOW_LOST)
    picture = str(trend([GOOD, other]))
    assert "<circle" in picture
    assert "<polygon" in picture
    assert "region_loss: 1.92 s, RTO 60 s, passed" in picture


def test_what_had_nothing_to_restore_is_not_drawn() -> None:
    nothing = replace(GOOD, served=None, times=Times())
    assert "Nothing to draw yet" in str(trend([nothing]))


def test_nothing_of_the_journal_s_becomes_markup() -> None:
    text = drills_html("shop", [held(replace(GOOD, wrong=("<script>alert(1)</script>",)))])
    assert "<script>alert" not in text


def test_a_restore_has_its_own_words_and_its_own_picture() -> None:
    whole = replace(
        GOOD, scenario=Scenario.RESTORE, kind="", operation="", served=None,
        times=Times(act=5.0, verify=2.0, total=7.0), rto_target=900.0, rpo_target=60.0, behind=1.5,
    )  # fmt: skip
    text = drills_html("shop", [held(GOOD, whole)])
    assert (
        "Proven whole after 7.00 s; the RTO of 900 s is met. The copy was 1.50 s behind; the RPO of 60 s is met."
        in text
    )
    assert "A copy of the latest backup, beside the live database" in text
    assert "Seconds until the restored copy was proven whole" in text
    lost, restores = text.index("Trend against the RTO"), text.index("Trend of restores")
    assert "RTO 900 s" not in text[lost:restores], "the one's target is no line in the other's picture"
    late = drills_html("shop", [held(replace(whole, behind=61.0, rto_target=None))])
    assert "Proven whole after 7.00 s. The copy was 61.00 s behind; the RPO of 60 s is MISSED." in late
    assert "Trend against the RTO" not in late
    assert "No copy was proven whole." in drills_html("shop", [held(replace(whole, times=Times()))])
    assert "shop-drill was not broken: a backup was restored beside its database, and is gone again" in late
