"""The trigger forms refuse what no release and no reason can be."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.model.operation import OperationKind

pytestmark = pytest.mark.airflow


def validated(kind: OperationKind, given: dict[str, Any]) -> dict[str, Any]:
    from airflow.sdk.definitions.param import ParamsDict

    from tidegate.workflow.params import params_of

    params = ParamsDict(params_of(kind))
    params.update(given)
    return params.validate()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"version": "1.1.0"},
        {"reason": "because"},
        {"version": "1.1.0", "reason": "no"},
        {"version": "1.1.0", "reason": "x" * 501},
        {"version": "1.1.0; rm -rf /", "reason": "because"},
        {"version": "{{ conn.shop }}", "reason": "because"},
        {"version": "../1.1.0", "reason": "because"},
        {"version": "", "reason": "because"},
        {"version": 1.1, "reason": "because"},
        {"version": None, "reason": "because"},
        {"version": "1.1.0\n", "reason": "because"},
    ],
)
def test_a_promotion_needs_a_version_and_a_reason(given: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises((ParamValidationError, ValueError)):
        validated(OperationKind.PROMOTION, given)


@pytest.mark.parametrize(
    "given",
    [{"target": "a b"}, {"target": ""}, {"fast_lane": "yes"}, {"fast_lane": 1}, {"reason": "x"}, {"target": 1}],
)
def test_a_rollback_refuses_nonsense(given: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises((ParamValidationError, ValueError)):
        validated(OperationKind.ROLLBACK, given)


def test_what_is_fine_passes() -> None:
    given = {"version": "1.1.0-rc.1+build_5", "reason": "orders of Monday"}
    assert validated(OperationKind.PROMOTION, given) == {**given, "exempt": None, "fast_track": False}
    assert validated(OperationKind.ROLLBACK, {}) == {"target": None, "reason": None, "fast_lane": False}
