"""What a policy may say of its data: kinds of check, severities, repairs, personal columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tidegate.checks.model import CheckResult, CheckSpec, Severity, Status, specs_from_json, verdict_of
from tidegate.model.verdict import Verdict
from tidegate.plan.model import Phase
from tidegate.plan.return_path import return_path
from tidegate.plan.settings import check_specs, repair_specs
from tidegate.policy.schema import Policy

SHOP = Path(__file__).parents[3] / "dags" / "policies" / "shop.yaml"
RULE = "select order_id as id from order_events"
FOLLOWS = {"projection": "orders", "events": "order_events", "key": "id", "rule": RULE}


def shop(**changes: Any) -> Policy:
    return Policy.model_validate({**yaml.safe_load(SHOP.read_text()), **changes})


@pytest.mark.parametrize(
    "check",
    [
        {"follows": FOLLOWS},
        {"follows": {**FOLLOWS, "extra": "delete"}, "severity": "next_rung"},
        {"unchanged_since_snapshot": {"table": "orders", "key": "id", "written_at": "created_at"}},
        {"same_on_standby": {"table": "orders", "key": "id", "within": "3s", "columns": ["id"]}, "severity": "warn"},
        {"schema_revision": "alembic_version"},
    ],
)
def test_what_is_written_is_what_is_run(check: dict[str, Any]) -> None:
    policy = shop(checks={"it": check}, repair={}, personal=["email"])
    (spec,) = specs_from_json(check_specs(policy))
    assert spec.personal == ("email",) and spec.severity == check.get("severity", "hold")
    assert CheckSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("checks", "repair", "why"),
    [
        ({"a": {"follows": {**FOLLOWS, "rule": "select 1 as id"}}}, {}, "does not read order_events"),
        ({"a": {"follows": FOLLOWS, "no_rows": "select 1"}}, {}, "exactly one of"),
        ({"a": {"schema_revision": "x; drop"}}, {}, "match"),
        ({"a": {"follows": FOLLOWS}}, {"r": {"when": "b", "replay": True}}, "no check 'b'"),
        ({"a": {"no_rows": "select 1"}}, {"r": {"when": "a", "replay": True}}, "compares no table"),
        ({"a": {"not_below_snapshot": "t"}}, {"r": {"when": "a", "sql": "update t set x = 1"}}, "needs a snapshot"),
        ({"a": {"follows": FOLLOWS}}, {"r": {"when": "a"}}, "exactly one of sql and replay"),
        ({"a": {"follows": FOLLOWS}}, {"r": {"when": "a", "sql": "update t set x = 1; drop table t"}}, "match"),
        ({"a": {"follows": FOLLOWS}}, {"r": {"when": "a", "sql": "drop table t"}}, "match"),
    ],
)
def test_what_cannot_work_is_refused(checks: dict[str, Any], repair: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        shop(checks=checks, repair=repair)


def test_a_ladder_without_the_rung_that_repairs_is_refused() -> None:
    rollback = {**yaml.safe_load(SHOP.read_text())["rollback"], "ladder": ["traffic", "release"]}
    with pytest.raises(ValidationError, match="which the ladder leaves out"):
        shop(rollback=rollback)


def test_a_repair_carries_its_check_and_stands_behind_its_preview() -> None:
    policy = shop()
    (repair,) = repair_specs(policy)
    assert repair["when"]["id"] == "orders_follow_their_events" and repair["replay"]["projection"] == "orders"
    assert repair["personal"] == ["session_id", "token_hash"]
    nodes = [node.id for node in return_path(policy, [], phase=Phase.RETURN, stop_loss=True).nodes]
    at = nodes.index("return.preview")
    assert nodes[at : at + 3] == ["return.preview", "return.repair", "return.rung-schema"]


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        ([(Status.VIOLATED, Severity.WARN), (Status.PASSED, Severity.HOLD)], Verdict.PASS),
        ([(Status.NOT_CHECKED, Severity.WARN), (Status.PASSED, Severity.HOLD)], Verdict.PASS),
        ([(Status.NOT_CHECKED, Severity.WARN)], Verdict.NO_DATA),
        ([(Status.VIOLATED, Severity.WARN), (Status.NOT_CHECKED, Severity.HOLD)], Verdict.NO_DATA),
        ([(Status.VIOLATED, Severity.NEXT_RUNG), (Status.PASSED, Severity.HOLD)], Verdict.FAIL),
        ([(Status.VIOLATED, Severity.HOLD), (Status.VIOLATED, Severity.WARN)], Verdict.FAIL),
    ],
)
def test_a_warning_neither_stops_nor_lets_through(found: list[tuple[Status, Severity]], verdict: Verdict) -> None:
    results = [CheckResult(str(n), status, severity=severity) for n, (status, severity) in enumerate(found)]
    assert verdict_of(results) is verdict
