"""Airflow 3.3 for the lab: each component a process of its own, configured by environment variables alone.

Everything binds to loopback. The components' log servers are off (they bind to every address): the API server reads
logs from the disk it shares with them.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lab import children
from lab.places import REPOSITORY, Places, write_private
from lab.ports import ADDRESS, Ports
from lab.secret_values import PEOPLE, Secrets
from lab.supervision import Program, minimal_environment

COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
_FIXED = {
    "CORE__EXECUTOR": "LocalExecutor",
    "CORE__PARALLELISM": "8",
    "CORE__LOAD_EXAMPLES": "False",
    "CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",  # the recovery DAGs say otherwise themselves
    "CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "5",
    "CORE__HOSTNAME_CALLABLE": "socket.gethostname",
    "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
    "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
    "API__HOST": ADDRESS,
    "API__WORKERS": "1",
    "API__INSTANCE_NAME": "Tidegate lab",
    "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.05",  # the default of 1 s is most of the time between two tasks
    # With a threshold of 10 s and a heartbeat each 5 s, a scheduler on a busy machine took itself for dead and ran its
    # own tasks again. A beat a second leaves room for 20 that are missed.
    "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
    "SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "20",
    "SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
    "WORKERS__MIN_HEARTBEAT_INTERVAL": "1",  # also how late a task's end is noticed: a gate stays deferred that long
    "TRIGGERER__JOB_HEARTBEAT_SEC": "1",
    "TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "5",
    "TRIGGERER__RUNNER_HEALTH_CHECK_THRESHOLD": "10",
    "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "10",
    "DAG_PROCESSOR__REFRESH_INTERVAL": "10",
    "DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "LOGGING__COLORED_CONSOLE_LOG": "False",
    "USAGE_DATA_COLLECTION__ENABLED": "False",
}


@dataclass(frozen=True)
class AirflowSite:
    """One Airflow of the lab. ``dags`` and ``plugins`` are the repository's, except in tests of the lab itself."""

    places: Places
    ports: Ports
    secrets: Secrets
    dags: Path = REPOSITORY / "dags"
    plugins: Path = REPOSITORY / "plugins"

    @property
    def home(self) -> Path:
        return self.places.airflow

    @property
    def address(self) -> str:
        """Where a person opens the UI."""
        return f"http://{ADDRESS}:{self.ports['airflow-api']}"

    @property
    def passwords(self) -> Path:
        return self.home / "passwords.json"

    def environment(self) -> dict[str, str]:
        """Everything that Airflow's components, and a person's `airflow` command, need."""
        settings = {
            **_FIXED,
            "CORE__DAGS_FOLDER": str(self.dags),
            "CORE__PLUGINS_FOLDER": str(self.plugins),
            "CORE__FERNET_KEY": self.secrets["airflow-fernet"],
            "CORE__EXECUTION_API_SERVER_URL": f"{self.address}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in PEOPLE.items()),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.passwords),
            "API__PORT": str(self.ports["airflow-api"]),
            "API__BASE_URL": self.address,
            "API__SECRET_KEY": self.secrets["airflow-api"],
            "API_AUTH__JWT_SECRET": self.secrets["airflow-jwt"],
            "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "LOGGING__BASE_LOG_FOLDER": str(self.home / "logs"),
            "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(self.home / "logs" / "dag_processor"),
            "LOGGING__WORKER_LOG_SERVER_PORT": str(self.ports["airflow-worker-log"]),
            "LOGGING__TRIGGER_LOG_SERVER_PORT": str(self.ports["airflow-trigger-log"]),
            "DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": str(self.home / "bundles"),
        }
        return {
            "AIRFLOW_HOME": str(self.home),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "GX_ANALYTICS_ENABLED": "false",
            **{f"AIRFLOW__{name}": value for name, value in settings.items()},
        }

    def lay_out(self) -> None:
        """A fresh AIRFLOW_HOME with a migrated, empty metadata database and the users' passwords."""
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / "run").mkdir(parents=True, mode=0o700)
        (self.home / "airflow.cfg").write_text("# Configured by environment variables: see var/lab/env.\n")
        write_private(self.passwords, json.dumps(self.secrets.people()))
        shutil.copyfile(metadata_template(self.places), self.home / "airflow.db")
        (self.home / "airflow.db").chmod(0o600)

    def programs(self, env_files: Sequence[Path]) -> list[Program]:
        """The four components. Only the scheduler loads the data checks' library beforehand: its tasks inherit it."""
        airflow = str(Path(sys.executable).with_name("airflow"))
        extra = {"scheduler": {"TIDEGATE_PRELOAD_CHECKS": "1"}}
        flags = {"scheduler": ["--skip-serve-logs"], "triggerer": ["--skip-serve-logs"]}
        return [
            Program(
                name=f"airflow-{component}",
                command=[airflow, component, *flags.get(component, [])],
                env=extra.get(component, {}),
                env_files=env_files,
                directory=self.home,
            )
            for component in COMPONENTS
        ]


def metadata_template(places: Places) -> Path:
    """A migrated, empty metadata database, made once per version of Airflow and copied at each start."""
    key = hashlib.sha256(f"{version('apache-airflow-core')} {sys.version_info[:2]}".encode()).hexdigest()[:12]
    template = places.cache / f"airflow-metadata-{key}.db"
    if not template.exists():
        _migrate(template)
    return template


def _migrate(template: Path) -> None:
    work = template.with_suffix(".new")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    env = {
        "AIRFLOW_HOME": str(work),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{work / 'airflow.db'}",
    }
    _airflow(["db", "migrate"], env)
    (work / "airflow.db").replace(template)
    shutil.rmtree(work)


def _airflow(arguments: Sequence[str], env: Mapping[str, str]) -> None:
    argv = [str(Path(sys.executable).with_name("airflow")), *arguments]
    children.run(argv, env={**minimal_environment(), **env})
