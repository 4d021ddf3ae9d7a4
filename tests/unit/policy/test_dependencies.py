"""The section dependencies: what it takes, what is refused, and what lint says of it."""

from __future__ import annotations

import pytest

from tests.support.policies import SHOP, changed, parsed
from tidegate.errors import PolicyErrors
from tidegate.model.dependency import Limits
from tidegate.policy.lint import lint
from tidegate.policy.load import load_policy

SECTION = """dependencies:
  payments:
    used_by: [checkout]
    without_it: orders are taken, and paid later
    timeout: 100ms
    connections: 20
    pending: 10
    failures: 5
    open_for: 2s
    probe: /_health
"""


def with_section(*changes: tuple[str, str]) -> str:
    return changed(("checks:\n", SECTION + "checks:\n"), *changes)


def said(*changes: tuple[str, str]) -> set[str]:
    return {f.rule for f in lint(parsed(with_section(*changes))).findings if f.rule.startswith("dependency")}


def test_the_limits_are_the_routers():
    part = parsed(with_section()).policy.dependencies["payments"]
    assert part.limits == Limits(0.1, 20, 10, 5, 2.0, "/_health")


def test_what_is_left_out_has_a_default_and_no_probe_is_none():
    text = changed(("checks:\n", "dependencies: {search: {used_by: [browse]}}\nchecks:\n"))
    assert parsed(text).policy.dependencies["search"].limits == Limits(1.0, 100, 100, 5, 5.0, "")


def test_it_is_empty_and_no_part_of_the_digest_if_it_is_not_written():
    without = parsed(changed())
    assert without.policy.dependencies == {}
    assert without.digest != parsed(with_section()).digest


WRONG = {
    "there is no endpoint class 'chekout'": ("used_by: [checkout]", "used_by: [chekout]"),
    "did you mean 'checkout'": ("used_by: [checkout]", "used_by: [chekout]"),
    "did you mean 'failures'": ("failures: 5", "failure: 5"),
    "gives a user's request up after 15s": ("timeout: 100ms", "timeout: 20s"),
    "greater than or equal to 1": ("connections: 20", "connections: 0"),
    "is not of the form": ("probe: /_health", "probe: http://payments/_health"),
    "'soon' is not a duration": ("open_for: 2s", "open_for: soon"),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_meant_is_refused(words: str):
    with pytest.raises(PolicyErrors, match=words):
        parsed(with_section(WRONG[words]))


def test_lint_says_what_is_unwise():
    assert said() == set()
    assert said(("timeout: 100ms", "timeout: 1s")) == {"dependency-slow"}, "users are promised 300 ms"
    assert said(("    probe: /_health\n", "")) == {"dependency-no-probe"}
    assert said(("    without_it: orders are taken, and paid later\n", "")) == {"dependency-essential"}


def test_the_sample_shop_calls_payments_and_lint_has_nothing_to_say_of_it():
    loaded = load_policy(SHOP)
    assert list(loaded.policy.dependencies) == ["payments"]
    assert not [f for f in lint(loaded).findings if f.rule.startswith("dependency")]
