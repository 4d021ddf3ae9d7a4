"""Brings both databases up to date before anything else starts: Airflow's metadata, then the journal and its roles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SECRETS = Path("/run/tidegate")


def main() -> int:
    """0: both are at their newest revision. Idempotent."""
    from tidegate.journal.grants import prepare

    done = subprocess.run(["airflow", "db", "migrate"], check=False)  # noqa: S607  # the image's own airflow
    if done.returncode:
        return done.returncode
    journal = SECRETS / "journal"
    prepare(
        (journal / "owner-url").read_text(),
        {"tidegate_writer": (journal / "writer").read_text(), "tidegate_reader": (journal / "reader").read_text()},
    )
    print("the journal's tables and roles are there")
    return 0


if __name__ == "__main__":
    sys.exit(main())
