"""Scenarios with another policy: which lab they play in, and what its policy says."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.places import REPOSITORY
from lab.story.scenarios import SCENARIOS
from lab.story.variants import AS_SHIPPED, VARIANTS, acts, dags_for, merged
from tidegate.policy.load import load_policy


def test_every_policy_is_set_up_once_and_the_order_stays() -> None:
    found = acts(SCENARIOS)
    names = [name for name, _ in found]
    assert names[0] == AS_SHIPPED
    assert len(set(names)) == len(names)
    assert set(names) <= {AS_SHIPPED, *VARIANTS}
    assert tuple(scenario for _, group in found for scenario in group) == SCENARIOS


def test_as_shipped_is_the_repository_s_own(tmp_path: Path) -> None:
    assert dags_for(AS_SHIPPED, tmp_path) == REPOSITORY / "dags"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_a_policy_of_its_own_beside_the_same_dags(variant: str, tmp_path: Path) -> None:
    dags_for(variant, tmp_path)
    folder = dags_for(variant, tmp_path)
    assert {p.name for p in folder.glob("*.py")} == {p.name for p in (REPOSITORY / "dags").glob("*.py")}
    shipped = load_policy(REPOSITORY / "dags" / "policies" / "shop.yaml")
    varied = load_policy(folder / "policies" / "shop.yaml")
    assert (varied.digest != shipped.digest) is bool(VARIANTS[variant])
    assert varied.policy.endpoints == shipped.policy.endpoints


def test_the_proof_is_switched_off() -> None:
    assert VARIANTS["unproved"] == {"migrations": {"prove": False}}


def test_only_what_is_named_changes() -> None:
    assert merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}, "e": {"f": 4}}) == {
        "a": {"b": 9, "c": 2},
        "d": 3,
        "e": {"f": 4},
    }
