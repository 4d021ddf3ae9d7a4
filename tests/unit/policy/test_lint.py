"""Each rule of lint speaks where it should, at the right place, and is silent on a policy that is well made."""

from __future__ import annotations

import pytest

from tests.support.policies import SHOP, changed, parsed
from tidegate.policy.lint import Report, Severity, lint
from tidegate.policy.load import load_policy


def report(*changes: tuple[str, str], name: str = "pay.yaml") -> Report:
    return lint(parsed(changed(*changes), name))


def found(*changes: tuple[str, str], name: str = "pay.yaml") -> dict[str, tuple[str, int, int]]:
    return {f.rule: (f.severity.value, f.line, f.column) for f in report(*changes, name=name).findings}


def test_nothing_to_say_of_a_policy_that_is_well_made():
    assert found() == {}


def test_the_sample_policy_has_no_errors_and_no_warnings():
    findings = lint(load_policy(SHOP)).findings
    assert [f for f in findings if f.severity is not Severity.INFO] == []


KEEP = "keep_warm: 100%"
RULES = {
    "file-name": ("info", 1, 1, []),
    "alpha-large": ("warning", 22, 3, [("alpha: 1%", "alpha: 6%")]),
    "no-latency": ("warning", 23, 3, [("    latency: {margin: 1.5x}\n", "")]),
    "approval-lonely": ("warning", 32, 39, [("quorum: 1", "quorum: 2")]),
    "approval-late": ("warning", 32, 50, [("within: 30m", "within: 3h")]),
    "rollback-deadline": ("warning", 38, 3, [("deadline: 15m", "deadline: 5m")]),
    "first-step": ("warning", 21, 11, [("steps: [5%,", "steps: [30%,"), ("    5%: {", "    30%: {")]),
    "region-blind": ("error", 7, 10, [("share: 60%", "share: 100%"), ("share: 40%", "share: 0%")]),
    "weight-vanishes": (
        "error",
        7,
        10,
        [("share: 60%", "share: 99.99%"), ("share: 40%", "share: 0.01%")],
    ),
    "gate-starved": ("error", 28, 5, [("5%: {requests: 100}", "5%: {requests: 50000}")]),
    "gate-slow": ("warning", 28, 5, [("5%: {requests: 100}", "5%: {requests: 5000}")]),
    "bake-starved": ("error", 33, 21, [("requests: 500}\n  deadline", "requests: 500000}\n  deadline")]),
    "deadline-short": ("warning", 34, 3, [("deadline: 2h", "deadline: 10m")]),
    "slot-overloaded": ("error", 12, 33, [("instances: 3", "instances: 1"), ("rate: 200/s", "rate: 300/s")]),
    "warm-low": ("warning", 12, 47, [(KEEP, "keep_warm: 10%"), ("steps: [50%, 0%]", "steps: [0%]")]),
    "no-spare": ("info", 12, 33, [("instances: 3", "instances: 2"), ("rate: 200/s", "rate: 210/s")]),
    "no-traffic": ("warning", 1, 1, []),
}
TRAFFIC = (
    "traffic: {rate: 200/s, sessions: 400, session_length: 30s, errors: 0.1%, mix: {checkout: 20%, browse: 80%}}\n"
)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule(rule: str):
    severity, line, column, changes = RULES[rule]
    if rule == "no-traffic":
        changes = [(TRAFFIC, "")]
    name = "payments.yaml" if rule == "file-name" else "pay.yaml"
    assert found(*changes, name=name).get(rule) == (severity, line, column), found(*changes, name=name)


def test_a_deadline_that_gates_alone_exceed_is_an_error():
    assert found(("deadline: 2h", "deadline: 30s"))["deadline-short"][0] == "error"


def test_a_gate_that_can_never_open_says_for_ever():
    shown = report(("not_worse_by: 1%", "not_worse_by: 0.0001%"))
    starved = next(f for f in shown.findings if f.rule == "gate-starved")
    assert "needs for ever for checkout not worse by 0.0001% at 95%" in starved.message
    assert not shown.usable


def test_alpha_is_split_over_the_signals_and_spent_in_full():
    shown = report()
    assert set(shown.alphas) == {"errors", "latency", "availability", "latency_p99"}
    assert sum(shown.alphas.values()) == pytest.approx(0.01)
    assert "latency" not in report(("    latency: {margin: 1.5x}\n", "")).alphas


def test_gates_tell_what_they_buy():
    east = report().gates[:3]
    assert [g.weight for g in east] == ["5%", "50%", "100%"]
    assert [g.holds for g in east] == [None, pytest.approx(0.01), None]
    assert east[0].power is not None
    assert east[1].power is not None
    assert east[0].power < east[1].power
    assert east[2].power is None


def test_without_traffic_nothing_is_foretold():
    assert report((TRAFFIC, "")).gates == ()


def test_a_rung_that_too_few_users_can_judge_is_told():
    shown = found(("  deadline: 15m", "  health: {requests: 100000}\n  deadline: 15m"))
    assert shown["rung-starved"][0] == "warning"
    assert "rung-few" not in shown
    assert found(("  deadline: 15m", "  health: {requests: 100}\n  deadline: 15m"))["rung-few"][0] == "warning"


def test_where_one_class_is_a_components_the_others_are_named():
    owned = ("prefix: /orders}", "prefix: /orders, component: basket}")
    assert found(owned)["component-less"][0] == "info"
    both = ("browse: {prefix: /}", "browse: {prefix: /, component: window}")
    assert "component-less" not in found(owned, both)


def test_a_component_is_part_of_what_a_plan_is_made_of_and_its_absence_is_not():
    plain = parsed(changed(), "pay.yaml").digest
    assert parsed(changed(("prefix: /orders}", "prefix: /orders, component: basket}")), "pay.yaml").digest != plain
    off = ("  fast_lane: 10x", "  fast_lane: 10x\n  components: false")
    assert parsed(changed(off), "pay.yaml").digest != plain
    on = ("  fast_lane: 10x", "  fast_lane: 10x\n  components: true")
    assert parsed(changed(on), "pay.yaml").digest == plain, "as before anybody knew the key"
