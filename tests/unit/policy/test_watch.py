"""The section `watch`, and what lint says of it and of how often a failover would begin by mistake."""

from __future__ import annotations

import pytest

from tests.support.policies import SMALL, changed, complaints, parsed
from tidegate.policy.lint import Finding, lint

FAILOVER = "failover:\n  decide: {then: act}\n  approval: {from: [ann, ben], quorum: 1, within: 15m}\n"
AVAILABLE = "availability: 99.9%"


def with_(*lines: str) -> str:
    return SMALL + "".join(lines)


def found(source: str) -> dict[str, Finding]:
    return {f.rule: f for f in lint(parsed(source)).findings}


def test_left_out_nothing_is_held_and_the_digest_is_as_before() -> None:
    policy = parsed(SMALL)
    assert policy.policy.watch is None
    assert parsed(with_("watch: {}\n")).digest != policy.digest, "a guard has to be made anew for it"


def test_the_windows_follow_the_period() -> None:
    watch = parsed(with_("watch: {period: 12h, fast: back}\n")).policy.watch
    assert watch is not None
    assert [(rule.name, rule.long, rule.short) for rule in watch.rules][:2] == [("fast", 60, 5), ("slow", 360, 30)]
    assert [watch.then(rule) for rule in watch.rules] == ["back", "page", "ask", "ask"]


@pytest.mark.parametrize(
    "line, told",
    [
        ("watch: {perod: 30d}\n", "unknown key 'perod'; did you mean 'period'?"),
        ("watch: {fast: bakc}\n", "'bakc' is not one of page, back; did you mean 'back'?"),
        ("watch: {fast: act}\n", "'act' is not one of page, back"),
        ("watch: {period: 10m}\n", "greater than or equal to 3600"),
        ("watch: {assume: {probe_fails: 0%}}\n", "must be more than 0%"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(line: str, told: str) -> None:
    (said,) = complaints(with_(line))
    assert told in said and said.startswith(f"{SMALL.count(chr(10)) + 1}:")


def test_an_objective_that_is_none_is_refused() -> None:
    told = complaints(with_("watch: {objectives: [latency]}\n"))
    assert any("'latency' is not one of availability, latency_p99" in one for one in told)


def test_a_rule_that_nothing_can_reach_is_an_error() -> None:
    said = found(with_("watch: {}\n").replace(AVAILABLE, "availability: 90%"))["watch-never"]
    assert said.severity == "error" and "the rule fast never burns" in said.message
    assert "watch-never" not in found(with_("watch: {}\n"))


def test_to_go_back_takes_a_watch_after_the_promotion() -> None:
    assert found(with_("watch: {fast: back}\n"))["watch-back-never"].severity == "warning"
    watched = changed(("requests: 500}\n  deadline", "requests: 500, then_watch: 15m}\n  deadline"))
    assert "watch-back-never" not in found(watched + "watch: {fast: back}\n")


def test_the_sums_of_false_failovers_are_told() -> None:
    said = found(with_(FAILOVER))["failover-odds"]
    assert said.severity == "info"
    assert said.message.startswith("0.62 false failovers a year at most: 0.00032 by single probes (1% fail), 0.25 by ")
    assert "which is assumed where watch.assume says nothing" in said.message


@pytest.mark.parametrize("then, severity", [("act", "error"), ("approve", "warning"), ("page", "warning")])
def test_more_than_one_false_failover_a_year_is_too_many(then: str, severity: str) -> None:
    assumed = "watch: {assume: {in_common: 1%}}\n"
    source = with_(FAILOVER.replace("then: act", f"then: {then}"), assumed)
    said = found(source)["failover-odds"]
    assert said.severity == severity
    assert "3.7 by what all points meet at once (1% of it)" in said.message
    assert lint(parsed(source)).usable is (then != "act")


def test_one_point_alone_is_wrong_as_often_as_its_line_is() -> None:
    alone = found(with_(FAILOVER.replace("then: act", "then: act, vantage_points: 1")))["failover-odds"]
    assert alone.severity == "error" and "365 by lines down" in alone.message


def test_more_points_than_have_to_agree_are_wrong_more_often() -> None:
    three = found(with_(FAILOVER, "watch: {assume: {points: 3}}\n"))["failover-odds"]
    assert "0.76 by lines down" in three.message and three.severity == "error"
