"""What every container does first, run as it is."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

ENTRYPOINT = Path(__file__).resolve().parents[3] / "deploy/containers/entrypoint.sh"


def run(tmp_path: Path, *command: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "AIRFLOW_HOME": str(tmp_path / "airflow"), **settings}
    return subprocess.run(
        ["/bin/sh", str(ENTRYPOINT), *command], env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_one_setting_names_the_executor(tmp_path: Path) -> None:
    for profiles, executor in (("", "LocalExecutor"), ("lab", "LocalExecutor"), ("lab,celery", "CeleryExecutor")):
        done = run(tmp_path, "printenv", "AIRFLOW__CORE__EXECUTOR", TIDEGATE_PROFILES=profiles)
        assert done.stdout.strip() == executor


def test_a_worker_that_nobody_would_give_work_says_so(tmp_path: Path) -> None:
    done = run(tmp_path, "airflow", "celery", "worker", TIDEGATE_PROFILES="lab")
    assert done.returncode == 2
    assert "COMPOSE_PROFILES" in done.stderr


def test_connections_come_from_the_file_unless_a_backend_is_named(tmp_path: Path) -> None:
    empty = {"AIRFLOW__SECRETS__BACKEND": "", "AIRFLOW__SECRETS__BACKEND_KWARGS": "", "TIDEGATE_PROFILES": ""}
    assert "LocalFilesystemBackend" in run(tmp_path, "printenv", "AIRFLOW__SECRETS__BACKEND", **empty).stdout
    named = run(tmp_path, "printenv", "AIRFLOW__SECRETS__BACKEND", AIRFLOW__SECRETS__BACKEND="some.Vault")
    assert named.stdout.strip() == "some.Vault"


def test_outside_compose_it_leaves_the_executor_and_the_backend_to_airflow(tmp_path: Path) -> None:
    """A Helm chart says both in airflow.cfg, which an environment variable would override."""
    said = run(tmp_path, "env").stdout
    assert "AIRFLOW__CORE__EXECUTOR" not in said
    assert "AIRFLOW__SECRETS__" not in said
