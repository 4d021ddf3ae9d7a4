"""The DAG-parse path imports no vendor library."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

INCLUDE = Path(__file__).parents[3] / "include"
VENDORS = ("great_expectations", "sqlalchemy", "psycopg", "pandas", "numpy")


def test_importing_checks_and_database_drivers_imports_no_vendor() -> None:
    modules = [
        ".".join(file.relative_to(INCLUDE).with_suffix("").parts)
        for package in ("checks", "drivers/database")
        for file in sorted((INCLUDE / "tidegate" / package).glob("[!_]*.py"))
    ]
    assert "tidegate.checks.run" in modules
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules}]; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(INCLUDE)}, check=False
    )
    assert done.returncode == 0, done.stderr
    assert [v for v in VENDORS if v in done.stdout.split()] == []
