"""deploy/helm/values.yaml, as far as it can be checked without Helm and without the chart.

Held: it is YAML, its keys are ones that the chart documents (the parameters reference of chart 1.22, written down
here), Airflow's own options exist in the Airflow that is installed, and it holds no secret. Not held: that the chart
renders it, and that a cluster takes what it renders.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[3]
TEXT = (REPOSITORY / "deploy/helm/values.yaml").read_text()
VALUES: dict[str, Any] = yaml.safe_load(TEXT)
KNOWN: dict[str, set[str] | None] = {  # None: not an object, or one whose keys are free
    **dict.fromkeys(("airflowVersion", "defaultAirflowRepository", "defaultAirflowTag", "airflowHome", "executor")),
    **dict.fromkeys(("uid", "gid", "fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName")),
    **dict.fromkeys(("airflowLocalSettings", "env", "volumes", "volumeMounts", "config")),
    "data": {"metadataSecretName", "brokerUrlSecretName", "resultBackendSecretName"},
    "postgresql": {"enabled"},
    "redis": {"enabled"},
    "createUserJob": {"useHelmHooks"},
    "migrateDatabaseJob": {"useHelmHooks"},
    "scheduler": {"replicas"},
    "triggerer": {"replicas", "persistence"},
    "dagProcessor": {"enabled", "replicas"},
    "apiServer": {"replicas"},
    "workers": {"celery"},
    "logs": {"persistence"},
    "dags": {"persistence", "gitSync"},
}


@pytest.mark.parametrize("key", VALUES)
def test_the_chart_has_this_key(key: str) -> None:
    assert key in KNOWN
    below = KNOWN[key]
    if below is not None:
        assert set(VALUES[key]) <= below


def test_every_option_of_airflow_is_one_that_it_has() -> None:
    """A misspelt option is passed over without a word."""
    listed = subprocess.run(
        [sys.executable, "-m", "airflow", "config", "list", "--defaults"],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    found = configparser.RawConfigParser(strict=False, allow_no_value=True)
    found.read_string("".join(re.sub(r"^# (?=\w+ = )", "", line) for line in listed.splitlines(keepends=True)))
    options = {section: set(found.options(section)) for section in found.sections()}
    options["celery"] = {"worker_prefetch_multiplier"}  # of a provider that is in the image only
    wanted = {section: set(settings) for section, settings in VALUES["config"].items()}
    assert {s: names - options.get(s, set()) for s, names in wanted.items()} == {s: set() for s in wanted}


def test_it_agrees_with_the_image() -> None:
    dockerfile = (REPOSITORY / "Dockerfile").read_text()
    assert f"USER {VALUES['uid']}:{VALUES['gid']}" in dockerfile
    assert f"AIRFLOW_HOME={VALUES['airflowHome']}" in dockerfile
    assert f"AIRFLOW__CORE__DAGS_FOLDER={VALUES['config']['core']['dags_folder']}" in dockerfile
    assert f"apache-airflow=={VALUES['airflowVersion']}" in (REPOSITORY / "requirements-celery.txt").read_text()


def test_secrets_are_named_and_not_held() -> None:
    assert not re.search(r"://[^/\s]*:[^/\s]*@", TEXT)
    for key in ("fernetKey", "apiSecretKey", "jwtSecret", "webserverSecretKey"):
        assert key not in VALUES
    assert not {"metadataConnection", "brokerUrl"} & set(VALUES["data"])
