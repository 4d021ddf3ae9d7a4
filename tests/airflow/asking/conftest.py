"""A desk for each test, and one Airflow API for each file of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.desk import Desk, Watched
from tests.support.estate import ROOT, build, quick_policy
from tests.support.remote import Served, enter_dags, free_port, token
from tidegate.model.operation import OperationKind
from tidegate.remote import follow, request

NUMBERS = itertools.count(1)


@pytest.fixture(scope="module")
def airflow(metadata: Path) -> Iterator[Served]:
    from airflow.api_fastapi.app import create_app

    enter_dags()
    served = Served(create_app(), free_port())
    served.start()
    yield served
    served.stop()


@pytest.fixture
def desk_of(
    airflow: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Desk]]:
    from tidegate.ui import reading

    def make(**policy: Any) -> Desk:
        rig = build(tmp_path, quick_policy(**policy))
        environ = {
            "TIDEGATE_JOURNAL": f"sqlite:///{tmp_path / 'journal.sqlite'}",
            "TIDEGATE_AIRFLOW_URL": airflow.address,
            "TIDEGATE_AIRFLOW_TOKEN": token("ann", "op"),
            "TIDEGATE_POLICIES": str(ROOT / "dags" / "policies"),
        }
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        reading.reading_journal.cache_clear()
        return Desk(rig, airflow, capsys, environ, f"ci-{next(NUMBERS)}")

    monkeypatch.setattr(follow, "LOOK_EVERY", 0.05)
    yield make
    reading.reading_journal.cache_clear()


@pytest.fixture
def desk(desk_of: Callable[..., Desk]) -> Desk:
    return desk_of()


@pytest.fixture
def watched(desk: Desk) -> Iterator[Callable[[float], Watched]]:
    from tidegate.remote.settings import connect

    with connect() as api:

        def watch(patience: float) -> Watched:
            conf = {"version": "1.1.0", "reason": "a test"}
            return Watched(api, request.Asked("shop", OperationKind.PROMOTION, desk.id, conf), patience)

        yield watch
