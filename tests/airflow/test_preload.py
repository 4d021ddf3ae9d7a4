"""The scheduler imports Great Expectations once, and its tasks inherit it by fork; nobody else imports it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.airflow

LOOK = """
import json, os, sys
import airflow.settings
airflow.settings.initialize()
readable, writable = os.pipe()
if os.fork() == 0:  # as LocalExecutor makes its workers, and they their tasks
    names = ("airflow_local_settings", "great_expectations", "tidegate.workflow.factory")
    os.write(writable, json.dumps([name in sys.modules for name in names]).encode())
    os._exit(0)
os.wait()
print("@" + os.read(readable, 1000).decode())
"""


def inherited(**environment: str) -> list[Any]:
    env = {key: value for key, value in os.environ.items() if key != "TIDEGATE_PRELOAD_CHECKS"} | environment
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, env=env, check=True, timeout=240
    )
    found: list[Any] = json.loads(done.stdout[done.stdout.index("@") + 1 :])
    return found


def test_with_the_flag_a_forked_task_finds_all_imported() -> None:
    assert inherited(TIDEGATE_PRELOAD_CHECKS="1") == [True, True, True]


def test_without_the_flag_nothing_is_imported() -> None:
    assert inherited() == [True, False, False]


def test_the_lab_sets_the_flag_for_the_scheduler_only(tmp_path: Path) -> None:
    from lab.airflow import AirflowSite
    from lab.places import Places

    site: Any = AirflowSite(Places(tmp_path), ports=None, secrets=None)  # type: ignore[arg-type]
    asked = {p.name: p.env.get("TIDEGATE_PRELOAD_CHECKS") for p in site.programs([])}
    assert asked == {
        "airflow-scheduler": "1",
        "airflow-api-server": None,
        "airflow-dag-processor": None,
        "airflow-triggerer": None,
    }
