"""Following an operation that goes on while the one who follows sees nothing any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from tests.support.desk import Desk, Watched
from tests.support.remote import opened, until
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.runner import drive
from tidegate.remote import follow

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]


def test_the_api_server_may_be_restarted_in_mid_wait(desk: Desk, watched: Callable[[float], Watched]) -> None:
    desk.promote()
    view = opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running", {"bind": "success"})
    watch = watched(600.0)
    until(lambda: watch.heard(view.id), "the first look")
    desk.airflow.stop()
    try:
        until(lambda: watch.heard("does not answer; the operation goes on without us"), "word of it")
        drive(desk.rig.world, view.id, actor="test")
    finally:
        desk.airflow.start()
    desk.ends("success")
    watch.thread.join(60)
    assert watch.followed is not None
    assert watch.followed.ending.value == "as_meant"
    assert watch.heard("Airflow answers again")
    assert watch.heard("candidate's part: east 100 %, west 100 %")


def test_18_lost_sight(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "OUT_OF_SIGHT", 0.5)
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running", {"bind": "success"})
    look = follow.Follower._look

    def gone_after_the_first(self: follow.Follower) -> Any:
        seen = look(self)
        desk.airflow.stop()
        return seen

    monkeypatch.setattr(follow.Follower, "_look", gone_after_the_first)
    try:
        code, told = desk.wait()
    finally:
        desk.airflow.start()
    assert (code, told["ending"]) == (ExitCode.LOST_SIGHT, "lost_sight")
    assert "does not answer" in told["why"]
    assert f"--request-id {desk.id} --wait" in told["next"]


class Doorkeeper(BaseHTTPRequestHandler):
    """A proxy before Airflow: lets everything through until ``answer`` is set, then says that to everything."""

    behind = ""
    answer: tuple[int, str, str] | None = None  # status, content type, body
    let_through = 0  # looks at the run, until the answer is given
    only = ""  # part of the path that the answer is given to

    def do_GET(self) -> None:
        door = type(self)
        if door.answer is not None and door.let_through <= 0 and door.only in self.path:
            status, kind, body = door.answer
            return self._reply(status, kind, body.encode())
        headers = {"Authorization": self.headers["Authorization"] or ""}
        got = httpx.get(f"{door.behind}{self.path}", headers=headers, timeout=60, trust_env=False)
        if self.path.rpartition("/")[2].startswith("request__"):
            door.let_through -= 1
        return self._reply(got.status_code, got.headers["content-type"], got.content)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        address = f"{type(self).behind}{self.path}"
        got = httpx.post(address, content=body, headers=headers, timeout=60, trust_env=False)
        self._reply(got.status_code, got.headers["content-type"], got.content)

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def door(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Doorkeeper]]:
    keeper = type("Door", (Doorkeeper,), {"behind": desk.airflow.address})
    with ThreadingHTTPServer(("127.0.0.1", 0), keeper) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TIDEGATE_AIRFLOW_URL", f"http://127.0.0.1:{server.server_address[1]}")
        yield keeper
        server.shutdown()


JSON, HTML = "application/json", "text/html"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((401, JSON, '{"detail": "Token has expired"}'), "Token has expired"),
        ((403, JSON, '{"detail": "Forbidden"}'), "answered 403"),
        ((400, HTML, "<h1>Bad Request</h1>"), "answered 400"),
        ((404, HTML, "default backend - 404"), "answered 404"),
        ((404, JSON, '{"detail": "no such route"}'), "Airflow shows"),
        ((200, HTML, "<h1>Please log in</h1>"), "not by Airflow"),
    ],
)
@pytest.mark.parametrize("looks", [1, 3], ids=["at the first look", "later"])
def test_18_whatever_says_no_once_it_was_begun(
    desk: Desk,
    door: type[Doorkeeper],
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, str, str],
    said: str,
    looks: int,
) -> None:
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running", {"bind": "success"})
    monkeypatch.setattr(follow, "OUT_OF_SIGHT", 0.3)
    door.answer, door.let_through = answer, looks
    code, told = desk.wait()
    assert (code, told["ending"]) == (ExitCode.LOST_SIGHT, "lost_sight")
    assert said in told["why"]
    assert told["changed"] == "maybe; it goes on"
    assert f"--request-id {desk.id} --wait" in told["next"]


def test_18_an_operation_that_was_seen_is_not_refused_when_it_is_shown_no_more(
    desk: Desk, door: type[Doorkeeper], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running")
    monkeypatch.setattr(follow, "OUT_OF_SIGHT", 0.3)
    door.answer, door.let_through, door.only = (404, JSON, '{"detail": "none"}'), 3, "/tidegate/"
    plain = follow.Follower._seen_now

    def fails_then(self: follow.Follower, now: Any) -> Any:
        if door.let_through <= 0:
            desk.ends("failed")
        return plain(self, now)

    monkeypatch.setattr(follow.Follower, "_seen_now", fails_then)
    code, told = desk.wait()
    assert (code, told["ending"]) == (ExitCode.LOST_SIGHT, "lost_sight")
    assert "shown before" in told["why"]
