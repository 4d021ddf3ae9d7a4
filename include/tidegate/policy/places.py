"""Where Tidegate keeps what it writes at run time, and where policies stand."""

from __future__ import annotations

import os
from pathlib import Path

from tidegate.model.home import CHECKOUT, home

__all__ = ["home", "policy_folder", "snapshots"]


def snapshots() -> Path:
    """Last good policies. The DAG processor and every worker need to see the same directory."""
    return home() / "policies"


def policy_folder() -> Path:
    """Where operators edit policies: beside the DAG files (``TIDEGATE_POLICIES`` for break-glass elsewhere)."""
    return Path(os.environ.get("TIDEGATE_POLICIES") or CHECKOUT / "dags" / "policies").resolve()
