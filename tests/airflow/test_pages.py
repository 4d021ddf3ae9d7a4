"""The report page inside Airflow's own API server: who may read it, and what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    """1.2.0 was caught and rolled back, with a reason that tries to be code."""
    rig = build(tmp_path_factory.mktemp("page"))
    rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    promote(rig, "1.2.0")
    return rig


@pytest.fixture(scope="module")
def server(metadata: Path, rig: Rig) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    from tidegate.ui import reading

    patch = pytest.MonkeyPatch()
    patch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{rig.world.estate.site.root / 'journal.sqlite'}")
    reading.reading_journal.cache_clear()
    with TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client
    reading.reading_journal.cache_clear()
    patch.undo()


def address(rig: Rig) -> str:
    (opened,) = {e.operation for e in rig.world.journal.events("shop") if e.operation and "promotion" in e.operation}
    return f"/tidegate/operations/shop/{opened}"


def token(name: str, role: str | None) -> dict[str, str]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    jwt = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
    return {"Authorization": f"Bearer {jwt}"}


def test_nobody_reads_it_without_logging_in(server: Any, rig: Rig) -> None:
    assert server.get(address(rig)).status_code == 401
    assert server.get(address(rig), headers={"Authorization": "Bearer forged"}).status_code in (401, 403)


def test_nobody_reads_it_without_the_permission(server: Any, rig: Rig) -> None:
    assert server.get(address(rig), headers=token("out", None)).status_code == 403


@pytest.mark.parametrize("role", ["viewer", "op", "admin"])
def test_whoever_may_read_the_dag_may_read_it(server: Any, rig: Rig, role: str) -> None:
    answer = server.get(address(rig), headers=token("someone", role))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_its_first_lines_answer_what_people_ask(server: Any, rig: Rig) -> None:
    page = server.get(address(rig), headers=token("vic", "viewer")).text
    text = page.partition("<main>")[2]
    text = re.sub(r"<[^>]+>", " ", text)
    first = " ".join(text.split())[:700]
    assert "1.2.0 was caught and rolled back" in first
    assert "Did anything change? Yes, and it was taken back: 1.0.0 takes all traffic" in first
    assert "Is it safe? Yes." in first
    assert "What next? Find out why: errors" in first


def test_it_needs_nothing_from_outside(server: Any, rig: Rig) -> None:
    page = server.get(address(rig), headers=token("vic", "viewer")).text
    assert re.findall(r"src=|url\(|@import|https?://", page) == []
    assert all(link.startswith("/tidegate/") for link in re.findall(r'href="([^"]*)"', page))
    assert 'name="viewport"' in page
    assert "prefers-color-scheme:dark" in page


def test_it_holds_plan_verdicts_checks_and_who_did_what(server: Any, rig: Rig) -> None:
    page = server.get(address(rig), headers=token("vic", "viewer")).text
    for wanted in ("wave-1.gate-5", "return.stop-loss", "run-1", "orders_have_events", "stop loss", "verifies up to"):
        assert wanted in page, wanted


@pytest.mark.parametrize(
    "path",
    ["/tidegate/operations/shop/shop-promotion-0000000000000000", "/tidegate/operations/nosuch/nosuch-promotion-0"],
)
def test_what_is_not_there_is_not_found(server: Any, path: str) -> None:
    assert server.get(path, headers=token("vic", "viewer")).status_code == 404


@pytest.mark.parametrize("path", ["/tidegate/docs", "/tidegate/openapi.json", "/tidegate/operations/shop/..%2f..%2fx"])
def test_there_is_nothing_else(server: Any, path: str) -> None:
    assert server.get(path, headers=token("vic", "viewer")).status_code in (404, 422)
