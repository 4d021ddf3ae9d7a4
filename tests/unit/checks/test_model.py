"""Specs, results and reports as JSON; the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tidegate.checks.connection import explain, without_secret
from tidegate.checks.model import CheckReport, CheckResult, CheckSpec, Status, specs_from_json, verdict_of
from tidegate.errors import Refused
from tidegate.model.verdict import Verdict
from tidegate.policy.schema import Check

POLICY = Path(__file__).parents[3] / "dags" / "policies" / "shop.yaml"


def test_the_policys_checks_are_specs_as_they_stand() -> None:
    written = {name: Check(**check) for name, check in yaml.safe_load(POLICY.read_text())["checks"].items()}
    values = [
        {"id": name, **check.model_dump(mode="json", exclude_none=True, exclude_defaults=True)}
        for name, check in written.items()
    ]
    specs = specs_from_json(values)
    assert [spec.id for spec in specs] == list(written)
    assert [CheckSpec.from_json(json.loads(json.dumps(spec.to_json()))) for spec in specs] == list(specs)


@pytest.mark.parametrize(
    "value",
    [
        {"no_rows": "select 1"},
        {"id": "", "no_rows": "select 1"},
        {"id": "x"},
        {"id": "x", "no_rows": "select 1", "equal": ["select 1", "select 1"]},
        {"id": "x", "no_rows": "select 1", "severity": "harsh"},
        {"id": "x", "equal": ["select 1"]},
        {"id": "x", "equal": "select 1"},
        {"id": "x", "expect": "expect_table_row_count_to_equal"},
        {"id": "x", "not_below_snapshot": "orders", "table": "orders"},
    ],
)
def test_a_spec_that_is_not_understood_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        CheckSpec.from_json(value)


def test_an_id_that_stands_twice_is_refused_by_name() -> None:
    value = {"id": "twin", "no_rows": "select 1"}
    with pytest.raises(Refused, match="twin"):
        specs_from_json([value, value])


@given(st.lists(st.sampled_from(Status)))
def test_only_all_passed_is_a_pass(statuses: list[Status]) -> None:
    verdict = verdict_of([CheckResult(str(n), status) for n, status in enumerate(statuses)])
    assert (verdict is Verdict.PASS) == (bool(statuses) and set(statuses) == {Status.PASSED})
    assert (verdict is Verdict.FAIL) == (Status.VIOLATED in statuses)
    assert verdict is not Verdict.INCONCLUSIVE


def test_a_report_survives_json() -> None:
    results = (CheckResult("a", Status.VIOLATED, 3, "no rows", "3 rows", ("k1", "k2")), CheckResult("b", Status.PASSED))
    report = CheckReport("run", verdict_of(results), results, 1.5, 0.25)
    assert CheckReport.from_json(json.loads(json.dumps(report.to_json()))) == report
    assert report.why == "a violated: 3 rows"


def test_why_says_so_when_all_is_well_or_nothing_was_asked() -> None:
    passed = (CheckResult("b", Status.PASSED),)
    assert CheckReport("run", Verdict.PASS, passed, 0, 0).why == "all 1 checks passed"
    assert CheckReport(None, Verdict.NO_DATA, (), 0, 0).why == "no check was given"


def test_an_error_is_told_in_one_line_without_statement_rows_or_secret() -> None:
    url = "postgresql+psycopg://app:p%40ss@db/shop"
    error = ValueError("boom p@ss p%40ss\nmore\nDETAIL: Key (email)=(a@b) exists\n[SQL: select 1]")
    assert explain(error, url) == "boom *** ***; more"
    assert without_secret(f"at {url}", url) == "at ***"
    assert explain(ValueError(), url) == "ValueError"
