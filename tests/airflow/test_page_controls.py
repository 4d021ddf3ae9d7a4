"""The controls over HTTP, and the ways from Airflow's names to the pages: who may, from where, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.airflow.test_pages import token
from tests.support.estate import Rig, build
from tests.support.operations import open_promotion
from tidegate.engine.control import Order
from tidegate.engine.view import fold_operation
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationState

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]
NASTY = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    return build(tmp_path_factory.mktemp("controls"))


@pytest.fixture(scope="module")
def operation(rig: Rig) -> str:
    """Open, at its very beginning."""
    return open_promotion(rig, "1.1.0", "promote__shop/manual__1").id


@pytest.fixture(scope="module")
def server(metadata: Path, rig: Rig) -> Iterator[Any]:
    from airflow.api_fastapi.app import create_app
    from fastapi.testclient import TestClient

    from tidegate.ui import reading
    from tidegate.workflow.worlds import prepared

    patch = pytest.MonkeyPatch()
    patch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{rig.world.estate.site.root / 'journal.sqlite'}")
    reading.reading_journal.cache_clear()
    with prepared(rig.world), TestClient(create_app(), raise_server_exceptions=False) as client:
        yield client
    reading.reading_journal.cache_clear()
    patch.undo()


def control(server: Any, operation: str, which: str, *, by: str = "ann", role: str = "op", **more: Any) -> Any:
    options = {"json": {"reason": "the shop is on fire"}, "headers": token(by, role)} | more
    return server.post(f"/tidegate/api/operations/shop/{operation}/{which}", **options)


def state(rig: Rig, operation: str) -> Any:
    return fold_operation(rig.world.journal.events("shop", operation=operation))


def rows(rig: Rig) -> int:
    return rig.world.journal.head("shop").seq


@pytest.mark.parametrize("which", ["pause", "resume", "abort"])
def test_nobody_controls_without_the_permission(server: Any, rig: Rig, operation: str, which: str) -> None:
    before = rows(rig)
    assert control(server, operation, which, headers={}).status_code in (401, 403)
    assert control(server, operation, which, headers=token("vic", "viewer")).status_code == 403
    assert control(server, operation, which, headers=token("out", None)).status_code == 403
    assert rows(rig) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_foreign_page_controls_nothing(server: Any, rig: Rig, operation: str, headers: dict[str, str]) -> None:
    before = rows(rig)
    sent = token("ann", "op") | {"content-type": "application/json"} | headers
    answer = control(server, operation, "pause", json=None, content='{"reason": "x"}', headers=sent)
    assert answer.status_code in (403, 415)
    assert rows(rig) == before


def test_a_cookie_alone_controls_nothing(server: Any, rig: Rig, operation: str) -> None:
    """A request with the user's cookie that does not say where it comes from may come from anywhere."""
    before, jwt = rows(rig), token("ann", "op")["Authorization"].removeprefix("Bearer ")
    sent = {"cookie": f"_token={jwt}"}
    assert control(server, operation, "pause", headers=sent).status_code == 403
    assert rows(rig) == before


@pytest.mark.parametrize(
    "body", [{}, {"reason": ""}, {"reason": "   "}, {"reason": "x" * 501}, {"reason": "x", "a": 1}]
)
def test_a_reason_is_asked_for(server: Any, rig: Rig, operation: str, body: dict[str, Any]) -> None:
    before = rows(rig)
    assert control(server, operation, "pause", json=body).status_code == 422
    assert rows(rig) == before


def test_what_is_not_there_cannot_be_controlled(server: Any, operation: str) -> None:
    assert control(server, "shop-promotion-0000000000000000", "pause").status_code == 404
    assert control(server, operation, "explode").status_code == 404


def test_pause_resume_and_abort_from_the_page(server: Any, rig: Rig, operation: str) -> None:
    jwt = token("ann", "op")["Authorization"].removeprefix("Bearer ")
    page = {"cookie": f"_token={jwt}", "origin": "http://testserver", "sec-fetch-site": "same-origin"}
    answer = control(server, operation, "pause", json={"reason": NASTY}, headers=page)
    assert (answer.status_code, answer.json()["said"].splitlines()[0]) == (
        200,
        f"{operation} is paused by ann: {NASTY}.",
    )
    assert state(rig, operation).held.person == "ann"
    shown = server.get(f"/tidegate/operations/shop/{operation}", headers=token("vic", "viewer")).text
    assert NASTY not in shown
    assert "ann paused it" in shown
    assert control(server, operation, "resume").status_code == 200
    assert state(rig, operation).held is None
    assert control(server, operation, "abort").status_code == 200
    assert state(rig, operation).state is OperationState.STOPPING


def test_from_a_run_to_its_operation(server: Any, operation: str) -> None:
    reader = token("vic", "viewer")
    answer = server.get("/tidegate/runs/promote__shop/manual__1", headers=reader, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tidegate/operations/shop/{operation}")
    answer = server.get("/tidegate/dags/promote__shop", headers=reader, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/tidegate/services/shop")


def test_from_a_control_run_to_what_it_acted_on(server: Any, rig: Rig, operation: str) -> None:
    reader, order = token("vic", "viewer"), Order("control__shop/manual__9", 0.0)
    with rig.world.journal.locked("shop") as txn:  # as the run leaves it, whatever has become of the operation
        txn.append(EventKind.HELD, {"person": "a", "why": "b", "order": order.id}, actor="test", operation=operation)
    places = {
        "/tidegate/dags/control__shop": "/tidegate/services/shop",
        "/tidegate/runs/control__shop/manual__8": "/tidegate/services/shop",
        "/tidegate/runs/control__shop/manual__9": f"/tidegate/operations/shop/{operation}",
    }
    for address, place in places.items():
        answer = server.get(address, headers=reader, follow_redirects=False)
        assert (answer.status_code, answer.headers.get("location")) == (303, place)
        assert server.get(address, headers=token("out", None), follow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/tidegate/runs/promote__shop/manual__2026-11-23T01:43:42+00:00", "has opened no operation of shop"),
        ("/tidegate/runs/somebody_elses_dag/r1", "No service of Tidegate has the DAG somebody_elses_dag."),
        ("/tidegate/dags/somebody_elses_dag", "No service of Tidegate has the DAG somebody_elses_dag."),
    ],
)
def test_a_run_without_an_operation_says_so(server: Any, path: str, words: str) -> None:
    answer = server.get(path, headers=token("vic", "viewer"))
    assert answer.status_code == 200
    assert words in answer.text


PAGES = [
    "/tidegate/",
    "/tidegate/live",
    "/tidegate/services/shop",
    "/tidegate/services/shop/live",
    "/tidegate/operations/shop/{operation}",
    "/tidegate/operations/shop/{operation}/live",
    "/tidegate/dags/promote__shop",
    "/tidegate/runs/promote__shop/manual__1",
    "/tidegate/api/overview",
    "/tidegate/api/operations/shop/{operation}",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_route_wants_a_user_and_the_permission(server: Any, operation: str, path: str) -> None:
    address = path.format(operation=operation)
    assert server.get(address).status_code == 401
    assert server.get(address, headers={"Authorization": "Bearer forged"}).status_code in (401, 403)
    outsider = server.get(address, headers=token("out", None))
    everywhere = path in ("/tidegate/", "/tidegate/live", "/tidegate/api/overview")
    assert outsider.status_code == (200 if everywhere else 403)
    assert "1.0.0" not in outsider.text  # who may read no service sees none
    reader = server.get(address, headers=token("vic", "viewer"))
    assert reader.status_code == 200
    headers = (reader.history or [reader])[0].headers
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/tidegate/services/..%2f..%2fetc",
        "/tidegate/services/%3Cscript%3E",
        "/tidegate/operations/shop/%3Cscript%3E/live",
        "/tidegate/services/Shop",
        "/tidegate/api/operations/shop/..%2f..%2fx",
        "/tidegate/dags/a%2f..%2fb/x",
    ],
)
def test_nothing_is_found_by_names_that_are_none(server: Any, path: str) -> None:
    answer = server.get(path, headers=token("adm", "admin") | {"accept": "text/html"})
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text


def test_people_get_a_page_that_says_what_to_do(server: Any) -> None:
    answer = server.get("/tidegate/services/shop", headers={"accept": "text/html"})
    assert answer.status_code == 401
    assert "Log in to Airflow" in answer.text


def test_the_pages_are_offered_where_people_look(server: Any) -> None:
    answer = server.get("/api/v2/plugins", headers=token("adm", "admin")).json()
    (plugin,) = [p for p in answer["plugins"] if p["name"] == "tidegate"]
    views = {view["destination"]: view["href"] for view in plugin["external_views"]}
    assert views == {
        "nav": "/tidegate/",
        "dag": "/tidegate/dags/{DAG_ID}",
        "dag_run": "/tidegate/runs/{DAG_ID}/{RUN_ID}",
        "task": "/tidegate/dags/{DAG_ID}",
        "task_instance": "/tidegate/runs/{DAG_ID}/{RUN_ID}#node-{TASK_ID}",
    }
