"""Great Expectations' own expectation of "no rows", asked once instead of twice.

As shipped (1.24), ``UnexpectedRowsExpectation`` runs its statement for the rows and again for their count, whatever the
result format. Most runs find nothing wrong and want a yes or a no: for those the count alone is asked for.
"""

from __future__ import annotations

from functools import cache
from typing import Any

ROWS, COUNT = "unexpected_rows_query.table", "unexpected_rows_query.row_count"


@cache
def rows_expectation() -> type[Any]:
    """The class, made once: Great Expectations keeps a register of them by name."""
    from great_expectations.expectations import UnexpectedRowsExpectation

    class UnexpectedRowsCountedOnce(UnexpectedRowsExpectation):  # type: ignore[misc]  # it has no types
        """As its base; with the result format BOOLEAN_ONLY no row is fetched."""

        def get_validation_dependencies(
            self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None
        ) -> Any:
            needed = super().get_validation_dependencies(execution_engine, runtime_configuration)
            if _format(self, runtime_configuration) == "BOOLEAN_ONLY":
                needed.remove_metric_configuration(ROWS)
            return needed

        def _validate(
            self,
            metrics: dict[str, Any],
            runtime_configuration: dict[str, Any] | None = None,
            execution_engine: Any = None,
        ) -> Any:
            if ROWS not in metrics:
                return {"success": metrics[COUNT] == 0}
            return super()._validate(metrics, runtime_configuration, execution_engine)

    return UnexpectedRowsCountedOnce


def _format(expectation: Any, runtime_configuration: dict[str, Any] | None) -> str:
    given = expectation._get_result_format(runtime_configuration=runtime_configuration)
    return str(given.get("result_format") if isinstance(given, dict) else getattr(given, "value", given))
