"""An Airflow of the tests' own: home, empty metadata database and DAG folder in a temporary place.

Airflow reads its settings when it is first imported, so :func:`settle` comes before that.
"""

from __future__ import annotations

import base64
import os
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def settle() -> Path:
    """Point this process's Airflow at a fresh home. Returns it; a second call returns the same."""
    if "TIDEGATE_TEST_AIRFLOW" in os.environ:
        return Path(os.environ["TIDEGATE_TEST_AIRFLOW"])
    home = Path(tempfile.mkdtemp(prefix="tidegate-airflow-"))
    os.environ.update(
        {
            "TIDEGATE_TEST_AIRFLOW": str(home),
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__FERNET_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),  # else: plain passwords
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "ann:op,ben:op,vic:viewer,adm:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home / "passwords.json"),
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
            "AIRFLOW__API__BASE_URL": "http://localhost:8080",
            "AIRFLOW__API_AUTH__JWT_SECRET": "only-for-tests-and-as-long-as-a-signature-needs-0123456789abcdef01",
            "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
    )
    return home


def migrate() -> None:
    """Make the metadata database's tables."""
    from airflow.utils.db import initdb

    initdb()
