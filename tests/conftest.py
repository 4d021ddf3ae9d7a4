"""The longest files begin first, so that the two workers of ``make test`` end together."""

from __future__ import annotations

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
LONGEST = (
    "scenarios/test_moving_crashes.py",
    "scenarios/test_singletons.py",
    "scenarios/test_random_failovers.py",
    "scenarios/test_random_failovers_too.py",
    "scenarios/test_crash_matrix.py",
    "airflow/test_ui_actions.py",
    "scenarios/test_admission.py",
    "scenarios/test_docs_commands.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files stay whole, and tests within them in their order."""
    items.sort(key=lambda item: _place(item.path))


def _place(path: Path) -> int:
    name = path.relative_to(TESTS).as_posix() if path.is_relative_to(TESTS) else ""
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)
