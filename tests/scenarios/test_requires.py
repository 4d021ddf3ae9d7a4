"""``requires: ["payments >= 1.1"]``: asked before shop is promoted, and before payments is rolled back."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.groups import the_group
from tests.support.operations import advance, open_promotion, open_rollback, promote, small_policy
from tidegate.engine.group_run import Carrier, carry_group
from tidegate.engine.groups import DONE, GroupRequest, open_group
from tidegate.engine.requires import facts_of, left_without, together
from tidegate.engine.runner import drive
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind, Outcome
from tidegate.policy.requires import requirements

NEEDS = ("payments >= 1.1",)


class Two:
    """Shop and payments, with one clock and one journal; each knows what the other's policy requires."""

    def __init__(self, tmp_path: Path) -> None:
        self.payments = build(tmp_path, small_policy().model_copy(update={"service": "payments"}))
        self.shop = build(tmp_path, small_policy(), clock=self.payments.clock)
        self.require()

    def require(self, *texts: str) -> None:
        policies = {"shop": self.shop.world.policy.model_copy(update={"requires": texts})}
        policies["payments"] = self.payments.world.policy
        said = {name: requirements(policy) for name, policy in policies.items()}
        for name, rig in (("shop", self.shop), ("payments", self.payments)):
            rig.world = dataclasses.replace(rig.world, policy=policies[name], others=lambda: said)

    def versions(self) -> tuple[str, ...]:
        found = (facts_of(self.shop.world.journal, name).stable for name in ("shop", "payments"))
        return tuple(release.version if release else "" for release in found)


@pytest.fixture
def two(tmp_path: Path) -> Two:
    return Two(tmp_path)


def test_a_promotion_waits_for_what_it_requires(two: Two) -> None:
    two.require(*NEEDS)
    with pytest.raises(Refused, match=r"shop requires payments >= 1.1, and payments is at 1.0.0") as refused:
        open_promotion(two.shop, "1.1.0")
    assert "tidegate promote payments <version>" in refused.value.next_step
    assert two.shop.world.journal.head("shop").lease is None, "nothing was opened"
    assert promote(two.payments, "1.1.0").outcome is Outcome.PROMOTED
    assert promote(two.shop, "1.1.0").outcome is Outcome.PROMOTED


def test_what_no_journal_knows_is_never_met(two: Two) -> None:
    two.require("catalog >= 1.0")
    with pytest.raises(Refused, match="catalog has no certified release"):
        open_promotion(two.shop, "1.1.0")


def test_not_while_what_it_requires_is_on_its_way_back(two: Two) -> None:
    promote(two.payments, "1.1.0")
    open_rollback(two.payments, "1.0.0")
    two.require(*NEEDS)
    with pytest.raises(Refused, match=r"payments is at 1\.0\.0"):
        open_promotion(two.shop, "1.1.0")


def both_at_1_1(two: Two) -> None:
    promote(two.payments, "1.1.0")
    two.require(*NEEDS)
    promote(two.shop, "1.1.0")


@pytest.mark.parametrize("target", ["1.0.0", None])
def test_a_rollback_that_leaves_a_dependent_without_is_refused(two: Two, target: str | None) -> None:
    both_at_1_1(two)
    with pytest.raises(Refused, match=r"shop 1\.1\.0 requires payments >= 1\.1, and this goes back to 1\.0\.0") as no:
        open_rollback(two.payments, target)
    assert "tidegate run rollback payments --with-dependents --to 1.0.0" in no.value.next_step
    assert two.payments.world.journal.head("payments").lease is None


def test_what_a_release_requires_is_what_was_said_when_it_was_promoted(two: Two) -> None:
    both_at_1_1(two)
    two.require()  # the policy says nothing any more; the release that runs still needs it
    with pytest.raises(Refused, match=r"shop 1\.1\.0 requires payments >= 1\.1"):
        open_rollback(two.payments)


def test_of_a_release_from_before_the_policy_speaks_if_it_is_the_newest(two: Two) -> None:
    promote(two.payments, "1.1.0")
    two.require(*NEEDS)  # shop still runs 1.0.0, adopted before
    with pytest.raises(Refused, match=r"shop 1\.0\.0 requires"):
        open_rollback(two.payments)


def test_not_while_a_dependent_is_being_promoted(two: Two) -> None:
    """Shop's 1.0.0 is said to do with anything; 1.1.0, on its way to users, is not."""
    promote(two.payments, "1.1.0")
    promote(two.shop, "1.1.0")
    two.require(*NEEDS)
    advance(two.shop, open_promotion(two.shop, "1.2.0"), "wave-1.shift-100")
    two.require()
    with pytest.raises(Refused, match=r"shop 1\.2\.0 requires payments >= 1\.1"):
        open_rollback(two.payments)


def test_undoing_a_promotion_that_is_under_way_asks_nobody(two: Two) -> None:
    both_at_1_1(two)
    lower = advance(two.payments, open_promotion(two.payments, "1.2.0"), "wave-1.shift-100")
    from tidegate.errors import GivesWay

    with pytest.raises(GivesWay):
        open_rollback(two.payments)
    assert drive(two.payments.world, lower.id, actor="its run").outcome is Outcome.ROLLED_BACK


def test_taken_back_together_the_dependent_first(two: Two) -> None:
    both_at_1_1(two)
    journal, said = two.shop.world.journal, two.shop.world.others()
    releases = together(journal, said, "payments", None)
    assert releases == {"payments": "1.0.0", "shop": "1.0.0"}
    policies = {"shop": two.shop.world.policy, "payments": two.payments.world.policy}
    needs = {"shop": ("payments",), "payments": ()}
    request = GroupRequest(OperationKind.ROLLBACK, "one", "cat", "a test", releases=releases, needs=needs)
    view = open_group(journal, the_group(), policies, request, actor="test")
    rigs: dict[str, Rig] = {"shop": two.shop, "payments": two.payments}
    ended = carry_group(Carrier(journal, lambda name: rigs[name].world, "cat", "test", 1), "storefront", view.id)
    assert (ended.outcome, two.versions()) == (DONE, ("1.0.0", "1.0.0")), ended.legs
    shop, payments = (journal.events(name, operation=ended.legs[name][0].parts[0].operation) for name in rigs)
    assert shop[-1].at <= payments[0].at, "shop is back before payments begins"
    assert not list(left_without(journal, said, "payments", "1.0.0"))


def test_no_baseline_that_would_do_is_said(two: Two) -> None:
    promote(two.payments, "1.1.0")
    two.require(*NEEDS)
    with pytest.raises(Refused, match=r"no baseline of shop can do with payments 1\.0\.0"):
        together(two.shop.world.journal, two.shop.world.others(), "payments", None)
