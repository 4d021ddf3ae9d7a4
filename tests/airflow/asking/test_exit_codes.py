"""``tidegate promote | rollback`` against a real Airflow API: one test for each exit code, each brought about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.desk import Desk, Watched
from tests.support.estate import ROOT
from tests.support.operations import open_promotion
from tests.support.remote import free_port, opened, set_paused, token, until
from tidegate.checks.model import Status
from tidegate.cli import main
from tidegate.cli.exit_codes import TABLE, ExitCode
from tidegate.engine import control
from tidegate.engine.approve import refuse_approval
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import Halt, drive
from tidegate.model.operation import OperationKind
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.schema import Approval
from tidegate.remote import request

pytestmark = [pytest.mark.airflow, pytest.mark.usefixtures("metadata")]


def test_0_promoted_and_the_same_request_again_is_the_same_operation(desk: Desk) -> None:
    assert desk.promote() == ExitCode.OK
    view = opened(desk.rig, "1.1.0", desk.id)
    drive(desk.rig.world, view.id, actor="test")
    desk.ends("success")
    code, told = desk.wait()
    assert (code, told["ending"], told["outcome"]) == (ExitCode.OK, "as_meant", "promoted")
    assert (told["operation"], told["new"]) == (view.id, False)
    assert desk.wait() == (code, told), "a third time as well"
    assert "1.1.0 is the stable release" in told["changed"]


def test_0_rolled_back_as_meant(desk: Desk) -> None:
    drive(desk.rig.world, open_promotion(desk.rig, "1.1.0").id, actor="test")
    command = ["rollback", "shop", "--to", "1.0.0", "--reason", "a test", "--request-id", desk.id]
    assert main(command) == ExitCode.OK
    world = desk.rig.world
    asked = Request(OperationKind.ROLLBACK, f"rollback__shop/request__{desk.id}", "ann", "a test", "1.0.0", False)
    view = open_operation(world, asked, rollback_plan(world.policy, world.policy_digest), actor="test")
    drive(world, view.id, actor="test")
    desk.ends("success")
    desk.capsys.readouterr()
    assert main([*command, "--wait"]) == ExitCode.OK
    text = desk.capsys.readouterr().out
    assert view.id in text
    assert "Rolled back to 1.0.0" in text


def test_2_usage(desk: Desk) -> None:
    assert main(["promote", "shop"]) == ExitCode.USAGE


def test_4_refused_before_any_effect(desk: Desk) -> None:
    desk.promote("9.9.9")
    drive(desk.rig.world, opened(desk.rig, "9.9.9", desk.id).id, actor="test")
    desk.ends("failed", {"bind": "success"})
    code, told = desk.wait("9.9.9")
    assert (code, told["ending"], told["changed"]) == (ExitCode.REFUSED, "refused", "No.")
    assert desk.rig.effects() == []


def test_4_what_airflow_finds_wrong_begins_nothing(desk: Desk) -> None:
    assert desk.promote(reason="x") == ExitCode.REFUSED
    assert "reason" in desk.capsys.readouterr().err
    assert main(["promote", "shpo", "1.1.0", "--reason", "a test"]) == ExitCode.REFUSED
    assert "did you mean 'shop'?" in desk.capsys.readouterr().err
    assert desk.promote("1.1.0", "--timeout", "soon") == ExitCode.REFUSED


def test_5_airflow_is_not_there(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "PATIENCE", 0.0)
    monkeypatch.setenv("TIDEGATE_AIRFLOW_URL", f"http://127.0.0.1:{free_port()}")
    assert desk.promote() == ExitCode.TRY_AGAIN
    assert "nothing changed" in desk.capsys.readouterr().err


class Silent(BaseHTTPRequestHandler):
    """An Airflow that takes a request to start a run, and dies before it answers. No real one can be made to do that
    at will."""

    def do_GET(self) -> None:
        known = {"dag_id": "promote__shop", "is_paused": False} if "/dagRuns" not in self.path else None
        missing = "/dagRuns" in self.path or "/tidegate/" in self.path
        body = json.dumps({"detail": "nothing yet"} if missing else known).encode()
        self.send_response(404 if missing else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_6_sent_and_not_answered(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "PATIENCE", 0.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("TIDEGATE_AIRFLOW_URL", f"http://127.0.0.1:{server.server_address[1]}")
        assert desk.promote() == ExitCode.LOOK_FIRST
        server.shutdown()
    err = desk.capsys.readouterr().err
    assert "something may have changed" in err
    assert f"--request-id {desk.id}" in err


def test_10_caught_and_rolled_back(desk: Desk) -> None:
    desk.rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    desk.promote("1.2.0")
    drive(desk.rig.world, opened(desk.rig, "1.2.0", desk.id).id, actor="test")
    desk.ends("failed")
    code, told = desk.wait("1.2.0")
    assert (code, told["ending"]) == (ExitCode.CAUGHT, "caught")
    assert told["why"].startswith("errors:")
    assert "it was taken back" in told["changed"]


def test_10_a_run_that_somebody_marked_green_was_caught_all_the_same(desk: Desk) -> None:
    desk.rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    desk.promote("1.2.0")
    drive(desk.rig.world, opened(desk.rig, "1.2.0", desk.id).id, actor="test")
    desk.ends("success")
    assert desk.wait("1.2.0")[0] == ExitCode.CAUGHT


ASKED = Approval(before="5%", people=("ann", "ben"), quorum=1, within="60s")


@pytest.mark.parametrize("how", ["refused", "timed out"])
def test_11_an_approval_that_did_not_come(desk_of: Callable[..., Desk], how: str) -> None:
    desk = desk_of(approvals=(ASKED,))
    desk.promote()

    def say_no(view: Any, node: Any) -> None:
        if how == "refused":
            refuse_approval(desk.rig.world, view.id, node.id, person="ben", why="not today", actor="test")

    drive(desk.rig.world, opened(desk.rig, "1.1.0", desk.id).id, actor="test", ask=say_no)
    desk.ends("failed")
    code, told = desk.wait()
    assert (code, told["ending"]) == (ExitCode.NOT_APPROVED, "not_approved")


def test_12_a_person_aborts_it(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(approvals=(ASKED,))
    desk.promote()

    def stop(view: Any, node: Any) -> None:
        control.abort(desk.rig.world, view.id, person="ann", reason="wrong build", actor="test")

    drive(desk.rig.world, opened(desk.rig, "1.1.0", desk.id).id, actor="test", ask=stop)
    desk.ends("failed", {"bind": "success"})
    code, told = desk.wait()
    assert (code, told["ending"]) == (ExitCode.TURNED_BACK, "turned_back")
    assert "aborted by ann: wrong build" in told["why"]


def test_13_paused_by_a_person(desk: Desk) -> None:
    desk.promote()
    view = opened(desk.rig, "1.1.0", desk.id)
    control.pause(desk.rig.world, view.id, person="ann", reason="a storm is coming", actor="test")
    desk.ends("running", {"bind": "success"})
    assert desk.wait("1.1.0", "--timeout", "1s")[0] == ExitCode.WAITS


class Enough(Exception):
    """The test has what it came for."""


def test_13_waits_for_an_approval(desk_of: Callable[..., Desk]) -> None:
    desk = desk_of(approvals=(ASKED,))
    desk.promote()

    def stop(view: Any, node: Any) -> None:
        raise Enough

    with pytest.raises(Enough):
        drive(desk.rig.world, opened(desk.rig, "1.1.0", desk.id).id, actor="test", ask=stop)
    desk.ends("running", {"bind": "success"})
    code, told = desk.wait("1.1.0", "--timeout", "1s")
    assert (code, told["ending"]) == (ExitCode.WAITS, "waits")
    assert f"--request-id {desk.id} --wait" in told["next"]
    desk.capsys.readouterr()
    desk.promote("1.1.0", "--wait", "--timeout", "1s")
    assert "waits for: 1 of ann, ben to approve wave-1.approve-5" in desk.capsys.readouterr().out


def test_13_the_dag_is_paused(desk: Desk) -> None:
    set_paused("promote__shop", True)
    try:
        assert desk.promote() == ExitCode.OK
        assert "paused, so nothing begins" in desk.capsys.readouterr().out
        assert desk.wait("1.1.0", "--timeout", "1s")[0] == ExitCode.WAITS
    finally:
        set_paused("promote__shop", False)


def test_14_still_running(desk: Desk) -> None:
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running", {"bind": "success", "admit.verify": "running"})
    code, told = desk.wait("1.1.0", "--timeout", "1s")
    assert (code, told["ending"], told["outcome"]) == (ExitCode.RUNS, "runs", None)


def test_15_the_way_back_needs_a_person(desk: Desk) -> None:
    desk.rig.users.error_rate["1.2.0"] = {"checkout": 0.5}
    desk.rig.checks.status["orders_have_events"] = Status.VIOLATED
    desk.promote("1.2.0")
    with pytest.raises(Halt):
        drive(desk.rig.world, opened(desk.rig, "1.2.0", desk.id).id, actor="test")
    desk.ends("failed", {"bind": "success"})
    code, told = desk.wait("1.2.0")
    assert (code, told["ending"]) == (ExitCode.NEEDS_PERSON, "needs_person")
    assert "return.rung-traffic" in told["next"]


def test_15_somebody_has_deleted_the_run(desk: Desk, watched: Callable[[float], Watched]) -> None:
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("failed", {"bind": "success"})
    address = f"{desk.airflow.address}/api/v2/dags/promote__shop/dagRuns/request__{desk.id}"
    headers = {"Authorization": f"Bearer {token('adm', 'admin')}"}
    httpx.delete(address, headers=headers, timeout=60, trust_env=False).raise_for_status()
    watch = watched(600.0)
    watch.thread.join(60)
    assert watch.followed is not None
    assert watch.followed.sight is not None
    assert (watch.followed.ending.value, watch.followed.sight.run_state) == ("needs_person", "deleted")


@pytest.mark.parametrize(
    ("given", "said"),
    [(("vic", "viewer"), "403"), (("out", None), "403"), (None, "403")],
    ids=["viewer", "none", "forged"],
)
def test_16_not_authorised(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, given: tuple[str, str | None] | None, said: str
) -> None:
    monkeypatch.setenv("TIDEGATE_AIRFLOW_TOKEN", token(*given) if given else "forged")
    assert desk.promote() == ExitCode.NOT_AUTHORISED
    err = desk.capsys.readouterr().err
    assert f"answered {said}" in err
    assert "nothing changed" in err


def test_16_a_password_that_is_wrong_is_not_shown(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIDEGATE_AIRFLOW_TOKEN")
    monkeypatch.setenv("TIDEGATE_AIRFLOW_USER", "ann")
    monkeypatch.setenv("TIDEGATE_AIRFLOW_PASSWORD", "not-the-password")
    assert desk.promote() == ExitCode.NOT_AUTHORISED
    assert "not-the-password" not in "".join(desk.capsys.readouterr())


def test_a_password_that_is_right_and_a_token_that_ran_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, airflow_home_dir: Path
) -> None:
    from tidegate.remote.settings import connect

    passwords = json.loads((airflow_home_dir / "passwords.json").read_text())
    (tmp_path / "password").write_text(passwords["ann"] + "\n")
    environ = {
        "TIDEGATE_AIRFLOW_URL": desk.airflow.address,
        "TIDEGATE_AIRFLOW_USER": "ann",
        "TIDEGATE_AIRFLOW_PASSWORD_FILE": str(tmp_path / "password"),
    }
    with connect(environ) as api:
        api.token = "worn out"
        assert "promote__shop" in api.dag_ids()
        assert passwords["ann"] not in repr(api)
        assert api.token not in repr(api)


def test_17_the_same_id_for_something_else(desk: Desk) -> None:
    assert desk.promote("1.1.0") == ExitCode.OK
    assert desk.promote("1.2.0") == ExitCode.ASKED_OTHERWISE
    err = desk.capsys.readouterr().err
    assert "version '1.1.0', reason 'a test'" in err
    assert "nothing changed" in err


def test_two_at_once_with_one_id_are_one_run(desk: Desk) -> None:
    from tidegate.remote.settings import connect

    began: list[str] = []

    def ask() -> None:
        with connect() as api:
            conf = {"version": "1.1.0", "reason": "a test"}
            began.append(
                str(request.start(api, request.Asked("shop", OperationKind.PROMOTION, desk.id, conf)).run["dag_run_id"])
            )

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert began == [f"request__{desk.id}"] * 4


def _as_in_a_terminal() -> None:
    """A shell starts what it puts in the background deaf to Ctrl-C, and whatever that starts inherits it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_interrupted_says_that_it_goes_on(desk: Desk, number: signal.Signals) -> None:
    desk.promote()
    opened(desk.rig, "1.1.0", desk.id)
    desk.ends("running", {"bind": "success"})
    command = [str(Path(sys.executable).with_name("tidegate")), "promote", "shop", "1.1.0", "--reason", "a test"]
    command += ["--request-id", desk.id, "--wait"]
    process = subprocess.Popen(
        command,
        env={**os.environ, **desk.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "operation: shop-promotion" in line:
            break
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "the operation goes on" in err
    assert f"tidegate promote shop 1.1.0 --reason 'a test' --request-id {desk.id} --wait" in err
    assert "Traceback" not in err


def test_the_committed_page_is_that_of_the_code() -> None:
    from tidegate.cli.exit_codes import as_markdown

    page = ROOT / "docs" / "reference" / "exit-codes.md"
    assert page.read_text() == as_markdown(), "run: tidegate exit-codes --markdown -o docs/reference/exit-codes.md"
    assert set(TABLE) == set(ExitCode)


def test_the_storys_desk_asks_and_is_told(desk: Desk, tmp_path: Path, airflow_home_dir: Path) -> None:
    """As ``make demo`` does, with a user and a password, in processes of their own."""
    from types import SimpleNamespace

    from lab.airflow_api import AirflowApi
    from lab.progress import Progress
    from lab.story.desk import Desk as StoryDesk
    from lab.story.scenarios import SCENARIOS

    password = json.loads((airflow_home_dir / "passwords.json").read_text())["ann"]
    lab: Any = SimpleNamespace(env=dict, airflow=lambda user: AirflowApi(desk.airflow.address, user, password))
    story = StoryDesk(lab, tmp_path / "desk", Progress(), "ann")
    scenario = next(s for s in SCENARIOS if s.name == "good-release")
    process = story.ask(scenario, desk.id)
    until(lambda: "requested: shop-promotion" in story.said(desk.id), "the request")
    view = opened(desk.rig, "1.1.0", desk.id)
    drive(desk.rig.world, view.id, actor="test")
    desk.ends("success")
    assert story.ended(process, desk.id) == ExitCode.OK
    assert story.told(scenario, desk.id) == (ExitCode.OK, view.id)
    assert password not in story.said(desk.id)
