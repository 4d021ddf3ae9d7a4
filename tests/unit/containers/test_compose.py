"""docker-compose.yaml, as far as it can be read without an engine: `make compose-test` runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.secret_values import PEOPLE

REPOSITORY = Path(__file__).resolve().parents[3]
COMPOSE = REPOSITORY / "docker-compose.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
AIRFLOW = ("api-server", "scheduler", "dag-processor", "triggerer", "worker")
ONCE = ("init", "migrate")
every_service = pytest.mark.parametrize("name", SERVICES)


def default(value: str) -> str:
    """What ``${NAME:-default}`` comes to where nothing is set."""
    return re.sub(r"\$\{[A-Z_]+:-([^}]*)\}", r"\1", value)


def test_these_are_the_services() -> None:
    assert set(SERVICES) == {*AIRFLOW, *ONCE, "metadata-db", "journal-db", "witness", "redis", "lab"}
    optional = {name: set(service["profiles"]) for name, service in SERVICES.items() if "profiles" in service}
    assert optional == {"redis": {"celery"}, "worker": {"celery"}, "lab": {"lab"}}


@every_service
def test_it_is_checked_restarted_and_is_nobody_special(name: str) -> None:
    service = SERVICES[name]
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert service["restart"] == ("on-failure" if name in ONCE else "unless-stopped")
    uid = service["user"].split(":")[0]
    assert uid.isdigit()
    assert int(uid) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert service.get("network_mode") in {None, "none"}


@every_service
def test_its_image_is_pinned(name: str) -> None:
    image = default(SERVICES[name]["image"])
    tag = image.partition(":")[2]
    assert re.search(r"\d+\.\d+", tag), f"{image} has no exact version"


@every_service
def test_what_it_publishes_is_for_this_machine_only(name: str) -> None:
    for published in SERVICES[name].get("ports", []):
        assert str(published).startswith("127.0.0.1:")
    assert name == "api-server" or "ports" not in SERVICES[name]


@every_service
def test_no_secret_is_given_as_a_value(name: str) -> None:
    """Neither in the environment nor in the command line: a setting that could hold one names a file or reads one."""
    service = SERVICES[name]
    for variable, value in (service.get("environment") or {}).items():
        if re.search(r"PASSWORD|SECRET|KEY|CONN|BROKER|RESULT_BACKEND|JOURNAL|TOKEN", variable):
            harmless = re.search(r"_(FILE|CMD|BACKEND|KWARGS)$|CONNECTIONS$", variable)
            assert harmless, f"{variable} may hold a secret"
            assert default(str(value)) == "" or "/" in str(value) or str(value).startswith("${")
    words = " ".join(map(str, [*service.get("command", []), *(service.get("environment") or {}).values()]))
    assert not re.search(r"://[^/\s]*:[^/\s]*@", words), "an address with a password"


def test_nothing_that_looks_like_a_generated_secret_stands_in_these_files() -> None:
    for path in (COMPOSE, REPOSITORY / ".env.example", REPOSITORY / "Dockerfile"):
        for word in re.findall(r"[A-Za-z0-9_+-]{24,}={0,2}", path.read_text()):
            mixed = re.search(r"[a-z]", word) and re.search(r"[A-Z]", word) and re.search(r"\d", word)
            assert not mixed, f"{path.name}: {word}"


def test_secrets_go_to_their_readers_only() -> None:
    readers = {
        volume: {name for name, service in SERVICES.items() if any(v.startswith(f"{volume}:") for v in mounts(service))}
        for volume in DOCUMENT["volumes"]
    }
    assert readers["witness-key"] == {"witness"}
    assert readers["witness-secrets"] == {"init", "witness"}
    assert readers["journal-secrets"] == {"init", "journal-db", "migrate"}
    assert readers["metadata-secrets"] == {"init", "metadata-db"}
    assert readers["redis-secrets"] == {"init", "redis"}
    assert readers["airflow-secrets"] == {"init", "migrate", "lab", *AIRFLOW}
    writers = {
        n for n, s in SERVICES.items() if any("/run/tidegate/" in v and not v.endswith(":ro") for v in mounts(s))
    }
    assert writers == {"init", "lab"}  # the lab writes connections.json


def mounts(service: dict[str, Any]) -> list[str]:
    return list(service.get("volumes", []))


def test_journal_and_metadata_are_two_servers() -> None:
    data = {name: mounts(SERVICES[name])[0].split(":")[0] for name in ("metadata-db", "journal-db")}
    assert data == {"metadata-db": "metadata", "journal-db": "journal"}


def test_every_airflow_service_shares_what_it_must() -> None:
    """TIDEGATE_HOME with its last good policies, the policies themselves, and the logs."""
    for name in AIRFLOW:
        assert {"./dags:/opt/tidegate/dags:ro", "home:/var/lib/tidegate", "logs:/var/log/tidegate"} <= {
            *mounts(SERVICES[name])
        }


def test_whoever_runs_tasks_has_the_data_checks_loaded_beforehand() -> None:
    preloading = {n for n, s in SERVICES.items() if (s.get("environment") or {}).get("TIDEGATE_PRELOAD_CHECKS") == "1"}
    assert preloading == {"scheduler", "worker"}


def test_the_health_check_of_the_api_warms_what_tasks_call() -> None:
    assert SERVICES["api-server"]["healthcheck"]["test"][-1] == "api"
    assert "/execution/health" in (REPOSITORY / "deploy/containers/health.py").read_text()


@pytest.mark.parametrize("profiles", ["", "lab", "celery", "lab,celery"])
def test_the_tool_itself_takes_it(profiles: str) -> None:
    tool = shutil.which("docker-compose")
    if tool is None:
        pytest.skip("docker-compose is not installed here")
    environment = {"PATH": os.environ["PATH"], "COMPOSE_PROFILES": profiles}
    done = subprocess.run(
        [tool, "-f", str(COMPOSE), "config"], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    found = yaml.safe_load(done.stdout)["services"]
    assert found["scheduler"]["environment"]["TIDEGATE_PROFILES"] == profiles


def test_the_people_of_the_story_can_log_in() -> None:
    people = ",".join(f"{name}:{role}" for name, role in PEOPLE.items())
    assert COMPOSE.read_text().count(f"${{TIDEGATE_PEOPLE:-{people}}}") == 2  # for the passwords, and for Airflow
