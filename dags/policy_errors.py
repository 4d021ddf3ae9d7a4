"""Holds no DAG: what is wrong in any policy becomes this file's import error, where Airflow's UI shows it.

The DAG files beside it go on with each service's last good policy, so that a mistake freezes no running work.
"""

from __future__ import annotations

from pathlib import Path

from tidegate.policy.announce import raise_errors
from tidegate.policy.places import snapshots

raise_errors(Path(__file__).resolve().parent / "policies", snapshots())
