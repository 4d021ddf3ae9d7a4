"""Where Tidegate keeps what it writes at run time: one default for the journal, policies and releases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

HOME = "TIDEGATE_HOME"
CHECKOUT = Path(__file__).resolve().parents[3]


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """``TIDEGATE_HOME``, or ``var`` in the checkout; never the current directory, which differs from shell to shell."""
    return Path(environment.get(HOME) or CHECKOUT / "var").resolve()
