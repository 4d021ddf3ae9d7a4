"""Violated, or could not check? Great Expectations says success=False to both."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.checks import expectations
from tidegate.checks.model import CheckSpec, Status
from tidegate.checks.outcome import closer_look, could_not, first_look
from tidegate.errors import Refused

SPEC = CheckSpec.from_json({"id": "it", "no_rows": "select 1"})
FINE = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
BROKEN = {"raised_exception": True, "exception_message": "column is gone", "exception_traceback": "…"}


def answer(success: Any, info: Any, **more: Any) -> dict[str, Any]:
    return {"success": success, "exception_info": info, **more}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        (answer(True, FINE), Status.PASSED),
        (answer(False, FINE), None),
        (answer(False, BROKEN), Status.NOT_CHECKED),
        (answer(True, BROKEN), Status.NOT_CHECKED),
        (answer(False, {"metric 1": BROKEN}), Status.NOT_CHECKED),
        (answer(False, {"metric 1": FINE, "metric 2": BROKEN}), Status.NOT_CHECKED),
        (answer(False, {"metric 1": "a text"}), Status.NOT_CHECKED),
        (answer(True, {"metric 1": {}}), Status.NOT_CHECKED),
        (answer(True, None), Status.NOT_CHECKED),
        (answer(True, {}), Status.NOT_CHECKED),
        (answer(None, FINE), Status.NOT_CHECKED),
        (answer("true", FINE), Status.NOT_CHECKED),
        (answer(1, FINE), Status.NOT_CHECKED),
        ({}, Status.NOT_CHECKED),
    ],
)
def test_first_look(given: dict[str, Any], status: Status | None) -> None:
    result = first_look(SPEC, given)
    assert (result.status if result else None) == status


def test_the_reason_is_great_expectations_own() -> None:
    assert could_not(answer(False, {"m": BROKEN})) == "column is gone"


@pytest.mark.parametrize("later", [{}, answer(False, BROKEN), answer(True, FINE)])
def test_a_violation_stands_when_the_closer_look_fails(later: dict[str, Any]) -> None:
    assert closer_look(SPEC, later).status is Status.VIOLATED


def test_a_native_result_without_row_counts_tells_its_value() -> None:
    spec = CheckSpec.from_json({"id": "x", "expect": "expect_column_max_to_be_between", "table": "t"})
    given = answer(False, FINE, result={"observed_value": 9}, kwargs={})
    assert closer_look(spec, given).detail == "observed 9"


def test_expectations_are_known_without_importing_the_library() -> None:
    names = expectations.names()
    assert "expect_column_values_to_be_between" in names
    with pytest.raises(Refused, match="expect_column_valus") as caught:
        expectations.check_name("expect_column_valus_to_be_between", names)
    assert "did you mean 'expect_column_values_to_be_between'" in str(caught.value)


@pytest.mark.parametrize(
    "snapshot", [None, {}, {"tables": {}}, {"tables": {"t": {}}}, {"tables": {"t": {"rows": True}}}]
)
def test_without_a_count_there_is_nothing_to_compare(snapshot: dict[str, Any] | None) -> None:
    with pytest.raises(Refused, match="has no row count of 't'"):
        expectations.rows_in(snapshot, "t")
