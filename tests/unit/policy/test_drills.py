"""What must hold between `drills` and the rest of a policy."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.estate import quick_policy
from tidegate.policy.backups import Backups
from tidegate.policy.check import Check
from tidegate.policy.drills import Drills, drills_of


def said(scenarios: dict[str, Any], **changes: Any) -> list[str]:
    part = Drills.model_validate({"environment": "other", "scenarios": scenarios})
    return [str(one.message) for one in drills_of(quick_policy().model_copy(update={"drills": part, **changes}))]


def test_metrics_may_not_be_away_for_longer_than_a_gate_waits() -> None:
    within = quick_policy().promotion.gate_within
    assert said({"monitoring_blind": {"version": "1.1.0", "lasts": f"{within - 1:g}s"}}) == []
    (told,) = said({"monitoring_blind": {"version": "1.1.0", "lasts": f"{within:g}s"}})
    assert "promotion.gate_within" in told


@pytest.mark.parametrize("scenario", ["bad_release", "bad_release_late", "monitoring_blind"])
def test_what_promotes_names_a_release(scenario: str) -> None:
    (told,) = said({scenario: {}})
    assert told == f"{scenario} promotes a release, and none is named"


def test_experiments_are_named_where_they_are_run_and_nowhere_else() -> None:
    (told,) = said({"experiment": {}})
    assert told == "no experiment is named"
    assert said({"experiment": {"experiments": ["checkout"]}}) == []
    (told,) = said({"dependency_slow": {"experiments": ["checkout"]}})
    assert told == "dependency_slow runs no experiments"


def test_a_restore_needs_backups_and_a_check_that_would_miss_a_row() -> None:
    grows = Check.model_validate({"not_below_snapshot": "orders"})
    none = Check.model_validate({"no_rows": "select 1 where false"})
    assert said({"restore": {"rto": "10m"}}, backups=Backups(), checks={"orders_do_not_vanish": grows}) == []
    assert said({"restore": {}}, backups=None, checks={"orders_do_not_vanish": grows}) == [
        "restore needs a service with backups"
    ]
    assert said({"restore": {}}, backups=Backups(), checks={"none": none}) == [
        "no check would notice rows that are missing from a restored copy"
    ]
    assert said({"dependency_slow": {"rto": "10m"}}) == ["dependency_slow restores no backup"]
