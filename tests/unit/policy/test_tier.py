"""A tier gives what a policy does not say; what is written wins, and lint shows what came from where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.policies import SHOP, SMALL, changed
from tidegate.errors import PolicyErrors
from tidegate.model.traffic import TOTAL
from tidegate.policy.lint import Severity, lint
from tidegate.policy.load import Loaded, load_policy, parse_policy, policy_digest

BARE = changed(
    ("  steps: [5%, 50%, 100%]\n  alpha: 1%\n", ""),
    (
        "  evidence:\n    5%: {requests: 100}\n    50%: {requests: 500, not_worse_by: 1%}\n"
        "    100%: {requests: 1000}\n  approvals:\n    - {before: 50%, from: [ann, ben], quorum: 1, within: 30m}\n"
        "  bake: {lasts: 1m, requests: 500}\n",
        "",
    ),
)
APPROVERS = "roles: {operator: [cat], approver: [ann, ben]}\n"


def load(tier: int, text: str = BARE, more: str = "") -> Loaded:
    return parse_policy(f"tier: {tier}\n{more}{text}", Path("pay.yaml"))


@pytest.mark.parametrize(
    ("tier", "alpha", "steps", "lasts"),
    [
        (1, 0.01, (100, 500, 2500, 5000, TOTAL), 600),
        (2, 0.02, (500, 2500, 5000, TOTAL), 300),
        (3, 0.05, (2500, TOTAL), 60),
    ],
)
def test_each_tier_gives_a_whole_promotion(tier: int, alpha: float, steps: tuple[int, ...], lasts: float) -> None:
    promotion = load(tier).policy.promotion
    assert (promotion.alpha, promotion.steps, promotion.bake.lasts) == (alpha, steps, lasts)
    assert set(promotion.evidence) >= set(steps)


def test_without_a_tier_the_keys_are_missing() -> None:
    with pytest.raises(PolicyErrors, match="alpha is missing"):
        parse_policy(BARE, Path("pay.yaml"))


def test_what_is_written_wins() -> None:
    text = BARE.replace(
        "waves: [east, west]", "waves: [east, west]\n  alpha: 3%\n  bake: {lasts: 2m}\n  steps: [10%, 100%]"
    )
    promotion = load(1, text).policy.promotion
    assert (promotion.alpha, promotion.bake.lasts, promotion.bake.requests) == (0.03, 120, 5000)
    assert (promotion.steps, promotion.later_steps) == ((1000, TOTAL), (1000, TOTAL))
    assert set(promotion.evidence) == {1000, TOTAL}


def test_a_whole_policy_is_the_same_with_a_tier() -> None:
    with_tier, without = load(2, SMALL), parse_policy(SMALL, Path("pay.yaml"))
    later = with_tier.policy.promotion.later_steps
    assert later == without.policy.promotion.steps
    assert with_tier.policy.promotion.model_copy(update={"later_steps": ()}) == without.policy.promotion


def test_only_the_first_tier_asks_people_and_takes_them_from_the_roles() -> None:
    (asked,) = load(1, more=APPROVERS).policy.promotion.approvals
    assert (asked.before, asked.people, asked.quorum) == (5000, ("ann", "ben"), 1)
    assert load(2, more=APPROVERS).policy.promotion.approvals == ()


def test_lint_shows_what_the_tier_gave() -> None:
    said = [f.message for f in lint(load(1, more=APPROVERS)).findings if f.rule == "tier"]
    assert "tier 1 gives promotion.alpha: 1%" in said
    assert any("approvals" in text and "before: 50%" in text for text in said)
    assert [f.rule for f in lint(load(1)).findings if f.severity is Severity.WARNING and "tier" in f.rule] == [
        "tier-nobody"
    ]


def test_the_tier_is_no_part_of_the_digest_but_what_it_gives_is() -> None:
    assert load(1).digest != load(2).digest
    shop = load_policy(SHOP).policy
    assert policy_digest(shop.model_copy(update={"tier": 2})) == policy_digest(shop)


@pytest.mark.parametrize("tier", ["0", "4", "one"])
def test_other_tiers_are_refused(tier: str) -> None:
    with pytest.raises(PolicyErrors):
        parse_policy(f"tier: {tier}\n{SMALL}", Path("pay.yaml"))


def test_a_way_back_that_cannot_keep_its_deadline_is_an_error() -> None:
    text = changed(("  deadline: 15m", "  health: {requests: 3000}\n  deadline: 30s"))
    found = [f for f in lint(parse_policy(text, Path("pay.yaml"))).findings if f.rule == "rollback-short"]
    assert [f.severity for f in found] == [Severity.ERROR]
    assert "one rung alone waits 38s" in found[0].message
