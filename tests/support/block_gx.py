"""For subprocesses: ``import great_expectations`` fails as if it were not installed."""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from typing import Any


class Blocked(MetaPathFinder):
    def find_spec(self, name: str, *_: Any) -> None:
        if name.partition(".")[0] == "great_expectations":
            raise ImportError("No module named 'great_expectations'")


sys.meta_path.insert(0, Blocked())
