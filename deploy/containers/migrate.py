"""Brings both databases up to date before anything else starts: Airflow's metadata, then the journal and its roles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

JOURNAL = Path("/run/tidegate/journal")


def main() -> int:
    """0: both are at their newest revision. Idempotent."""
    from tidegate.journal import grants

    done = subprocess.run(["airflow", "db", "migrate"], check=False)  # noqa: S607  # the image's own airflow
    if done.returncode:
        return done.returncode
    return grants.main([f"--{name}={JOURNAL / name}" for name in ("owner-url", "writer", "reader")])


if __name__ == "__main__":
    sys.exit(main())
