"""The section failover: what it takes, what is refused, and what lint says of it."""

from __future__ import annotations

import pytest

from tests.support.policies import changed, parsed
from tidegate.errors import PolicyErrors
from tidegate.policy import load
from tidegate.policy import quantities as q
from tidegate.policy.lint import lint

SECTION = """failover:
  decide: {every: 250ms, probes: 3, vantage_points: 2, then: act}
  steps: [50%, 100%]
  approval: {from: [ann, ben, cat], quorum: 2, within: 15m}
  lag: 16MB
"""
RTO = ("latency_p99: 300ms}", "latency_p99: 300ms, rto: 60s, rpo: 0s}")


def with_section(*changes: tuple[str, str], section: str = SECTION) -> str:
    return changed(RTO, ("checks:\n", section + "checks:\n"), *changes)


def test_what_is_left_out_has_a_default():
    failover = parsed(with_section(section="failover: {approval: {from: [ann], within: 15m}}\n")).policy.failover
    assert failover is not None
    assert (failover.steps, failover.decide.then, failover.lag) == ((5000, 10_000), "page", 16_000_000)


def test_it_is_none_and_no_part_of_the_digest_if_it_is_not_written():
    without = parsed(changed())
    assert without.policy.failover is None
    assert without.digest == "sha256:3e372329f2c472d97af63d75b04d6c4fe984086856afb129b380e4f073c68f3d", "as before"
    assert parsed(with_section()).digest != parsed(with_section(("50%, 100%]\n  approval", "100%]\n  approval"))).digest


def test_an_admission_that_is_not_written_is_no_part_of_the_digest(monkeypatch):
    with_it = with_section(("  lag: 16MB", "  lag: 16MB\n  admission: {}"))
    found = parsed(with_it).policy.failover
    assert found is not None
    assert found.admission is not None
    assert (found.admission.steps, found.admission.retry_after) == ((5000, 7500, 10_000), 5.0)
    monkeypatch.setattr(load, "digest", lambda value: value)  # what is digested, as it is
    assert "admission" in load.policy_digest(parsed(with_it).policy)["policy"]["failover"]
    assert "admission" not in load.policy_digest(parsed(with_section()).policy)["policy"]["failover"], "as before"


WRONG = {
    "a quorum of 4 out of 3": [("quorum: 2", "quorum: 4")],
    "'ann' stands twice": [("[ann, ben, cat]", "[ann, ann, cat]")],
    "must end at 100%": [("steps: [50%, 100%]\n  approval", "steps: [50%]\n  approval")],
    "exactly two regions": [
        (
            "west: {share: 40%, database: standby}",
            "west: {share: 20%, database: standby}\n  north: {share: 20%, database: standby}",
        ),
        ("waves: [east, west]", "waves: [east, west, north]"),
    ],
    "what plans call a role": [("west: {", "target: {"), ("waves: [east, west]", "waves: [east, target]")],
    "a part of it": [("  lag: 16MB", "  instances: 1")],
    "must end at 100%, not 50%": [("  lag: 16MB", "  admission: {steps: [50%]}")],
    "whole seconds": [("  lag: 16MB", "  admission: {retry_after: 500ms}")],
    "needs drivers.flags": [("  lag: 16MB", "  admission: {degrade: [new_basket]}")],
    "not a size": [("lag: 16MB", "lag: 16 mb")],
    "no approver in roles": [("objectives:", "roles: {operator: [dan], approver: [ann, ben]}\nobjectives:")],
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_meant_is_refused(words: str):
    with pytest.raises(PolicyErrors, match=words):
        parsed(with_section(*WRONG[words]))


def test_an_operator_who_is_asked_too_may_leave_too_few():
    roles = ("objectives:", "roles: {operator: [ann], approver: [ann, ben, cat]}\nobjectives:")
    with pytest.raises(PolicyErrors, match="a quorum of 3 cannot be met"):
        parsed(with_section(roles, ("quorum: 2", "quorum: 3")))


LINT = {
    "failover-one-eye": [("vantage_points: 2", "vantage_points: 1")],
    "failover-lonely": [("quorum: 2", "quorum: 3")],
    "failover-no-rto": [(", rto: 60s, rpo: 0s", "")],
    "failover-no-room": [("rate: 200/s", "rate: 310/s")],
}


@pytest.mark.parametrize("rule", LINT)
def test_lint_says_what_is_unwise(rule: str):
    assert rule not in {f.rule for f in lint(parsed(with_section())).findings}
    assert rule in {f.rule for f in lint(parsed(with_section(*LINT[rule]))).findings}


@pytest.mark.parametrize("text", ["0B", "1B", "64kB", "16MB", "1GB", "1001kB"])
def test_sizes_are_written_as_they_are_read(text: str):
    assert q.bytes_text(q.parse_bytes(text)) == text
