"""Airflow's settings are taken when it is first imported: before any test module of this directory is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import airflow_home

HOME = airflow_home.settle()


@pytest.fixture(scope="session", autouse=True)
def airflow_home_dir() -> Iterator[Path]:
    yield HOME
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="module", autouse=True)
def tidegate_home(airflow_home_dir: Path) -> Iterator[None]:
    """Snapshots of policies and the like go below the tests' own Airflow, for as long as these tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIDEGATE_HOME", str(airflow_home_dir / "var"))
        yield


@pytest.fixture(scope="session")
def metadata(airflow_home_dir: Path) -> Path:
    """Airflow's metadata database, migrated and empty."""
    airflow_home.migrate()
    return airflow_home_dir / "airflow.db"
