"""A plugin of pytest for runs on a mutant: what failed and by what error, and that the mutant is what was tested."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COPY, FILE, REPORT = "TIDEGATE_MUTANT_COPY", "TIDEGATE_MUTANT_FILE", "TIDEGATE_MUTANT_REPORT"
_failures: list[dict[str, object]] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """A time-out is no failed assertion, though pytest calls both by one name."""
    report = yield
    if report.failed and call.excinfo is not None:
        error = call.excinfo.value
        ours = any(
            base.__name__ in ("AssertionError", "TidegateError", "Halt", "Failed") for base in type(error).__mro__
        )
        what = str(error)[:300]
        ours = ours and not what.startswith("Timeout")
        _failures.append({"test": item.nodeid, "error": type(error).__name__, "ours": ours, "what": what})
    return report


def pytest_sessionfinish(session: pytest.Session) -> None:
    loaded = {str(m.__file__) for name, m in sys.modules.items() if name.split(".")[0] == "tidegate" and m.__file__}
    foreign = sorted(path for path in loaded if not path.startswith(os.environ[COPY]))
    wrong = f"loaded from elsewhere: {foreign[0]}" if foreign else ""
    Path(os.environ[REPORT]).write_text(json.dumps({"failures": _failures, "wrong": wrong}))
