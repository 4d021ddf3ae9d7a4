"""Chaos Toolkit experiments by a real `chaos`: verdicts, deaths, secrets, and what others have published."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support.experiments import (
    lines,
    published,
    settled,
    shell,
    toolkit,
    write_experiment,
)
from tests.support.lab import until
from tidegate.drivers.credentials import Credential, parse_connection
from tidegate.drivers.faults import _chaos_process as process
from tidegate.drivers.faults._chaos_run import Run
from tidegate.drivers.faults.chaostoolkit import ChaosToolkit, Settings
from tidegate.drivers.faults.contract import Fault, FaultKind, Told
from tidegate.errors import NotSettled, Refused, Unreachable

HYPOTHESIS = {
    "title": "nothing is broken",
    "probes": [
        {
            "type": "probe",
            "name": "nothing-is-broken",
            "tolerance": False,
            "provider": {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "broken-x"}},
        }
    ],
}
SECRET = "kQ7-zebra-umlaut-93"  # a stand-in, and no everyday word


def put_in(driver: ChaosToolkit, name: str = "x", lasts: float = 600.0) -> None:
    driver.inject("one", Fault(FaultKind.EXPERIMENT, name=name), lasts)


def run_to_its_end(driver: ChaosToolkit, name: str = "x") -> Told:
    put_in(driver, name)
    until(lambda: settled(driver, "one"), 60, "it does not end")
    return driver.told("one")


def run_of(root: Path) -> Run:
    return Run(root / "var" / "experiments" / "one")


def kill(one: process.Started | None) -> None:
    assert one is not None
    os.kill(one.pid, signal.SIGKILL)
    until(lambda: not process.runs(one), 20, "it is still there")


def test_an_experiment_that_holds_passes_and_its_journal_is_kept(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x")
    told = run_to_its_end(toolkit(tmp_path, "x"))
    assert (told.over, told.status, told.wrong, told.rollbacks) == (True, "completed", (), "1 by itself")
    assert lines(tmp_path, "x") == []
    assert told.kept == "var/experiments/one/journal.json"
    raw = (tmp_path / told.kept).read_bytes()
    assert told.digest == f"sha256:{hashlib.sha256(raw).hexdigest()}"
    assert json.loads(raw) == told.journal
    assert told.experiment == f"sha256:{hashlib.sha256((tmp_path / 'x.json').read_bytes()).hexdigest()}"


def test_a_steady_state_that_deviates_is_its_verdict(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", **{"steady-state-hypothesis": HYPOTHESIS})
    told = run_to_its_end(toolkit(tmp_path, "x"))
    assert told.wrong == ("its steady state has deviated: nothing-is-broken",)
    assert lines(tmp_path, "x") == [], "and it is taken back all the same"


def test_a_steady_state_that_is_not_there_at_first_is_its_verdict(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", **{"steady-state-hypothesis": HYPOTHESIS})
    (tmp_path / "broken-x").write_text("since yesterday\n")
    told = run_to_its_end(toolkit(tmp_path, "x"))
    assert any("was not there before it began: nothing-is-broken" in one for one in told.wrong), told.wrong


def test_an_action_that_fails_is_no_pass(tmp_path: Path) -> None:
    """`chaos` itself calls that completed."""
    provider = {"type": "python", "module": "os", "func": "rmdir", "arguments": {"path": "not-there"}}
    write_experiment(tmp_path, "x", method=[{"type": "action", "name": "remove", "provider": provider}])
    told = run_to_its_end(toolkit(tmp_path, "x"))
    assert told.status == "completed"
    assert [one[:18] for one in told.wrong] == ["not done: remove: "], told


def test_it_is_ended_once_its_time_is_over_and_says_so(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", lasts=600)
    driver = toolkit(tmp_path, "x")
    put_in(driver, lasts=3.0)
    until(lambda: driver.told("one").over, 60, "nobody has ended it")
    assert lines(tmp_path, "x") == []
    assert driver.told("one").wrong != (), "it was not at its end"


def test_if_chaos_is_killed_its_keeper_takes_back_what_it_did(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", lasts=600)
    driver = toolkit(tmp_path, "x")
    put_in(driver)
    until(lambda: lines(tmp_path, "x"), 60, "it does nothing")
    kill(run_of(tmp_path).chaos)
    until(lambda: driver.told("one").over, 60, "nobody has taken it back")
    told = driver.told("one")
    assert lines(tmp_path, "x") == []
    assert told.rollbacks == "1 apart, since its own did not all succeed"
    assert any("it left no journal" in one for one in told.wrong), told.wrong


def test_if_all_are_killed_whoever_comes_next_is_told_and_takes_it_back(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", lasts=600)
    put_in(toolkit(tmp_path, "x"))
    until(lambda: lines(tmp_path, "x"), 60, "it does nothing")
    kill(run_of(tmp_path).keeper)
    kill(run_of(tmp_path).chaos)
    next_one = toolkit(tmp_path, "x")
    assert [one.id for one in next_one.active()] == ["one"]
    assert next_one.told("one").wrong == ("whoever ran it was killed, or a rollback failed: it has to be lifted",)
    next_one.lift("one")
    assert lines(tmp_path, "x") == []
    assert next_one.active() == ()
    assert next_one.told("one").rollbacks == "1 apart, since its own did not all succeed"


def test_if_its_keeper_alone_is_killed_it_is_ended_all_the_same(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", lasts=600)
    driver = toolkit(tmp_path, "x")
    put_in(driver)
    until(lambda: lines(tmp_path, "x"), 60, "it does nothing")
    run = run_of(tmp_path)
    kill(run.keeper)
    driver.lift("one")
    assert not process.runs(run.chaos)
    assert lines(tmp_path, "x") == []


def test_what_was_done_is_taken_back_as_it_was_written_then(tmp_path: Path) -> None:
    """The file is another one by the time it is lifted."""
    write_experiment(tmp_path, "x", lasts=600)
    driver = toolkit(tmp_path, "x")
    put_in(driver)
    until(lambda: lines(tmp_path, "x"), 60, "it does nothing")
    kill(run_of(tmp_path).keeper)
    kill(run_of(tmp_path).chaos)
    (tmp_path / "x.json").write_text("{}")
    driver.lift("one")
    assert lines(tmp_path, "x") == []


def test_a_rollback_that_fails_is_said_and_tried_again(tmp_path: Path) -> None:
    module = tmp_path / "mending.py"
    module.write_text("def mend():\n    raise RuntimeError('the other side is away')\n")
    mend = {"type": "action", "name": "mend", "provider": {"type": "python", "module": "mending", "func": "mend"}}
    write_experiment(tmp_path, "x", rollbacks=[mend])
    driver = toolkit(tmp_path, experiments={"x": {"file": "x.json", "environment": {"PYTHONPATH": str(tmp_path)}}})
    put_in(driver)
    until(lambda: settled(driver, "one"), 60, "it does not end")
    assert [one.id for one in driver.active()] == ["one"], "it is still there"
    with pytest.raises(NotSettled, match=r"a rollback of x failed: mend: .*the other side is away"):
        driver.lift("one")
    module.write_text("from pathlib import Path\ndef mend():\n    Path('broken-x').unlink()\n")
    driver.lift("one")
    assert driver.active() == ()
    assert lines(tmp_path, "x") == []


def test_secrets_are_in_nothing_that_it_leaves(tmp_path: Path) -> None:
    tells = shell("tell", 'echo "the token is $TOKEN"; printf %s "$TOKEN" > seen; exec sleep 600')
    write_experiment(tmp_path, "x", method=[tells])

    def resolve(reference: str) -> Credential:
        raw = json.dumps({"conn_type": "generic", "host": "127.0.0.1", "password": SECRET})
        return parse_connection(reference, raw)

    one = {"file": "x.json", "environment": {"TOKEN": "conn://chaos_token"}}
    driver = toolkit(tmp_path, experiments={"x": one}, resolve=resolve)
    put_in(driver)
    until(lambda: (tmp_path / "seen").exists() and (tmp_path / "seen").read_text() == SECRET, 60, "it has no token")
    run = run_of(tmp_path)
    for who in (run.chaos, run.keeper):
        assert who is not None
        assert SECRET.encode() not in Path(f"/proc/{who.pid}/cmdline").read_bytes()
    driver.lift("one")
    left = [file for file in run.at.iterdir() if SECRET.encode() in file.read_bytes()]
    assert left == []
    assert SECRET not in json.dumps(dict(driver.told("one").journal))


def test_secrets_in_what_a_probe_returns_are_taken_out(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x", method=[shell("tell", 'echo "the token is $TOKEN"')])

    def resolve(reference: str) -> Credential:
        raw = json.dumps({"conn_type": "generic", "host": "127.0.0.1", "password": SECRET})
        return parse_connection(reference, raw)

    one = {"file": "x.json", "environment": {"TOKEN": "conn://chaos_token"}}
    told = run_to_its_end(toolkit(tmp_path, experiments={"x": one}, resolve=resolve))
    assert told.wrong == ()
    assert "the token is •••" in told.journal["run"][0]["output"]["stdout"]
    assert SECRET not in (tmp_path / told.kept).read_text()


def test_nothing_of_our_own_environment_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_DB_EAST", "postgres://nobody")
    write_experiment(tmp_path, "x", method=[shell("tell", "env | cut -d= -f1 | sort > seen")])
    assert run_to_its_end(toolkit(tmp_path, "x")).wrong == ()
    seen = (tmp_path / "seen").read_text().split()
    assert "AIRFLOW_CONN_SHOP_DB_EAST" not in seen
    assert "PYTHONPATH" not in seen, "what we import is not to be found by it"
    assert "PATH" in seen


def test_its_configuration_is_the_policys(tmp_path: Path) -> None:
    touch = {"type": "action", "name": "touch", "provider": {
        "type": "process", "path": "touch", "arguments": ["${which}"]}}  # fmt: skip
    write_experiment(tmp_path, "x", method=[touch], configuration={"which": "as-written"})
    driver = toolkit(tmp_path, experiments={"x": {"file": "x.json", "configuration": {"which": "as-configured"}}})
    assert run_to_its_end(driver).wrong == ()
    assert (tmp_path / "as-configured").exists()
    assert not (tmp_path / "as-written").exists()


def test_what_cannot_be_run_is_said_before_it_is(tmp_path: Path) -> None:
    write_experiment(tmp_path, "checkout")
    (tmp_path / "odd.json").write_text("{")
    driver = toolkit(tmp_path, "checkout", "odd", "gone")
    assert driver.missing("checkout") == ""
    assert "did you mean 'checkout'?" in driver.missing("chekout")
    assert "odd.json cannot be parsed" in driver.missing("odd")
    assert "cannot be read" in driver.missing("gone")
    with pytest.raises(Refused, match="did you mean 'checkout'"):
        put_in(driver, "chekout")
    absent = toolkit(tmp_path, "checkout", program="no-such-chaos")
    assert "no-such-chaos is no program here" in absent.missing("checkout")
    with pytest.raises(Unreachable, match="no-such-chaos is no program here"):
        absent.ping()


def test_the_other_kinds_are_anothers(tmp_path: Path) -> None:
    write_experiment(tmp_path, "x")
    driver = toolkit(tmp_path, "x", beside={"kind": "memory", "kinds": ["partition"]})
    assert driver.kinds() == {FaultKind.EXPERIMENT, FaultKind.PARTITION}
    driver.inject("two", Fault(FaultKind.PARTITION), 60.0)
    assert [one.id for one in driver.active()] == ["two"]
    driver.lift("two")
    assert driver.active() == ()


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"kind": "agnet", "at": "conn://x"}, "did you mean 'agent'"),
        ({"kind": "agent"}, "at"),
        ({"kind": "chaostoolkit", "experiments": {"x": {"file": "x.json"}}}, "name another kind"),
        ({"at": "conn://x"}, "name another kind"),
    ],
)
def test_a_driver_beside_that_is_none_is_refused_where_policies_are_checked(beside: dict[str, str], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"experiments": {"x": {"file": "x.json"}}, "beside": beside})


@pytest.mark.parametrize(
    ("name", "digest", "wrong"),
    [
        (
            "check-file-exists-deviated",
            "88d6c6e96304e031d8e4b2a736381cce9bbdbac23fa2161f798aa388119403f0",
            ("its steady state has deviated: check-file-exists",),
        ),
        (
            "override-rollbacks-runtime-strategy",
            "7eadd2643bf8081e9b7a9b46c82205065e7be8cb0e818a6d04eb59ca599746e5",
            (),
        ),
    ],
    ids=["deviates", "never-rolled-back"],
)
def test_what_others_have_published_runs_unmodified(
    tmp_path: Path, name: str, digest: str, wrong: tuple[str, ...]
) -> None:
    """From chaostoolkit's own source package, 1.16.0: one whose action takes away the file that its probe looks for,
    and one that says itself that its rollback is not to run. Here it runs: nothing is left over."""
    published(tmp_path)
    file = f"published/tests/fixtures/{name}.json"
    told = run_to_its_end(toolkit(tmp_path, experiments={"x": {"file": file, "folder": "published"}}))
    assert told.experiment == f"sha256:{digest}", "as it was published"
    assert told.wrong == wrong
    assert told.status == "completed"
    if "rollbacks" in name:
        assert told.rollbacks == "1 by itself"
    else:
        assert not (tmp_path / "published/tests/fixtures/dummy.txt").exists(), "it has really done it"
