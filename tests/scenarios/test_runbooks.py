"""Runbooks: each command in each of them is run, notes survive, and a stale one is told."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.scenarios.test_break_glass import terminal
from tests.support.airflow_runs import loaded_of
from tests.support.estate import ROOT, Rig, build
from tests.support.moving import both_sign, move, moving_policy, open_move
from tests.support.operations import advance, now, open_promotion, open_rollback, promote
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.approve import request_approval
from tidegate.engine.runner import drive
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.model.drill import DrillResult, Scenario
from tidegate.model.operation import GOOD_END, OperationKind, Outcome
from tidegate.plan.begun import plans_of
from tidegate.plan.names import APPROVE_LOSS
from tidegate.policy.break_glass import BreakGlass
from tidegate.policy.drills import Drills
from tidegate.policy.load import load_policy
from tidegate.publishing.keys import make_key, policy_text
from tidegate.report.glass_bundle import contents, refresh
from tidegate.report.runbook import Runbook, runbook
from tidegate.report.runbook_page import runbook_html
from tidegate.report.runbook_past import KindPast, fold_past, past
from tidegate.report.runbook_text import BEGIN, END, markdown, notes_of, stale

__all__ = ["terminal"]
KINDS = ("promotion", "rollback", "switchover", "failover", "reprotect")
Terminal = Callable[[Rig], None]
_TYPED = re.compile(r"^ {4}(tidegate .+)$|stands still: `(tidegate .+)`$", re.MULTILINE)


def commands(text: str) -> list[str]:
    """Each command of a runbook, once, in order."""
    return list(dict.fromkeys(a or b for a, b in _TYPED.findall(text)))


def _rig(folder: Path, kind: str) -> Rig:
    """A service on which an operation of the kind can begin."""
    rig = build(folder, moving_policy(synchronous="block"))
    if kind == "rollback":
        promote(rig, "1.1.0")
    elif kind in ("switchover", "failover"):
        move(rig, OperationKind.REPROTECT)
    if kind == "failover":
        rig.database.kill("east")
    return rig


def _opened(rig: Rig, kind: str) -> OperationView:
    if kind == "promotion":
        return open_promotion(rig, "1.1.0")
    return (
        open_rollback(rig)
        if kind == "rollback"
        else open_move(rig, OperationKind(kind), "west" if kind != "reprotect" else None)
    )


def _book(rig: Rig, kind: str) -> Runbook:
    policy, plan = rig.world.policy, plans_of(rig.world.policy, rig.world.policy_digest)[kind]
    known = past(rig.world.journal, "shop").get(plan.kind, KindPast())
    return runbook(policy, plan, known, rig.clock.now())


def _words(command: str, operation: str) -> list[str]:
    values = {"OPERATION": operation, "NAME": "cat", "WHY": "a test", "VERSION": "1.1.0", "REGION": "west"}
    return [values.get(word, word) for word in shlex.split(command)[1:]]


@pytest.mark.parametrize("kind", KINDS)
def test_each_command_does_what_the_runbook_says(
    kind: str, tmp_path: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    typed = commands(markdown(_book(_rig(tmp_path / "text", kind), kind)))
    seen: dict[str, str] = {}
    for number, command in enumerate(typed):
        rig = _rig(tmp_path / str(number), kind)
        terminal(rig)
        monkeypatch.setattr("tidegate.cli.status.reading_journal", lambda rig=rig: rig.world.journal)
        verb = " ".join(command.split()[1:3]) if command.startswith("tidegate run") else command.split()[1]
        seen[command] = verb
        if verb.startswith("run"):
            assert main(_words(command, "")) == ExitCode.OK, capsys.readouterr().err
            assert _last(rig, kind).outcome is GOOD_END[OperationKind(kind)]
        elif verb == "approve":
            _signed(tmp_path / f"signed-{number}", command, monkeypatch)
        else:
            view = _opened(rig, kind)
            code = main(_words(command, view.id))
            said = capsys.readouterr()
            turns = verb == "abort" and kind == "switchover"  # nothing was touched: it is carried to where it began
            assert code == (ExitCode.LOOK_FIRST if turns else ExitCode.OK), f"{command}: {said}"
            if verb == "status":
                assert view.id in said.out
                assert "what next?" in said.out
            elif verb == "resume":
                assert now(rig, view).outcome is GOOD_END[OperationKind(kind)]
            else:
                assert verb == "abort", f"{command}: this test does not run it"
                assert "cat" in now(rig, view).why_back
                drive(rig.world, view.id, actor="test")
                assert now(rig, view).outcome in (Outcome.TURNED_BACK, Outcome.REFUSED)  # the latter: untouched
    assert len(seen) == len(typed) >= 4


def _last(rig: Rig, kind: str) -> OperationView:
    from tidegate.journal.model import EventKind

    rows = rig.world.journal.events("shop", kinds={EventKind.OPERATION_OPENED})
    operation = next(str(r.operation) for r in reversed(rows) if f"-{kind}-" in str(r.operation))
    return require(fold_operation(rig.world.journal.events("shop", operation=operation)), operation)


def _signed(folder: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """East's last writes may be lost: both who are asked sign, by the runbook's line, and it is enough."""
    keys = {person: policy_text(make_key(folder / "keys", person)) for person in ("ann", "ben")}
    rig = build(folder, moving_policy().model_copy(update={"break_glass": BreakGlass(keys=keys)}))
    rig.users.rate = 0
    rig.lose("east")
    rig.database.kill("east")
    view = advance(rig, open_move(rig, OperationKind.FAILOVER), APPROVE_LOSS)
    request_approval(rig.world, view.id, APPROVE_LOSS, actor="test")
    monkeypatch.setattr("tidegate.cli.approving.find_paper", lambda service: rig.world)
    for person in keys:
        key = str(folder / "keys" / f"{person}.pem")
        given = [key if word == "KEYFILE" else word for word in _words(command, view.id)]
        assert main(given) == ExitCode.OK, command
    assert {(one.person, one.node) for one in now(rig, view).approvals} == {(p, APPROVE_LOSS) for p in keys}


def test_every_command_of_the_shops_runbooks_is_one_that_is_run_above(tmp_path: Path) -> None:
    """The real policy's runbooks use no command that the ones on memory drivers do not."""
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml")
    known = {"status", "run", "resume", "approve", "abort"}
    for plan in plans_of(shop.policy, shop.digest).values():
        found = {command.split()[1] for command in commands(markdown(runbook(shop.policy, plan, None, 0.0)))}
        assert found <= known, found - known


def test_what_was_measured_stands_beside_each_step(tmp_path: Path) -> None:
    rig = _rig(tmp_path, "failover")
    assert "never measured" in markdown(_book(rig, "failover"))
    view = drive(rig.world, open_move(rig, OperationKind.FAILOVER).id, actor="test", ask=both_sign(rig.world))
    text = markdown(_book(rig, "failover"))
    assert "(n=1)" in text
    assert f"Last for real: 0 s ago, `{view.id}`, as meant" in text
    assert "Last drilled: NEVER" in text
    assert "Last failed: never" in text


def test_one_that_did_not_end_as_meant_is_the_last_failed_and_measures_nothing(tmp_path: Path) -> None:
    rig = _rig(tmp_path, "failover")
    view = drive(rig.world, open_move(rig, OperationKind.FAILOVER).id, actor="test")
    bad = dataclasses.replace(view, outcome=Outcome.SUPERSEDED)
    found = fold_past([(bad, 5.0)], [])[OperationKind.FAILOVER]
    assert found.failed is not None
    assert found.failed.operation == view.id
    assert not found.seconds


@pytest.mark.parametrize(("ago", "red"), [(10.0, False), (7201.0, True)])
def test_an_overdue_drill_is_red(tmp_path: Path, ago: float, red: bool) -> None:
    rig = _rig(tmp_path, "failover")
    drills = Drills.model_validate({"environment": "other", "scenarios": {"region_loss": {}}, "every": "2h"})
    policy, plan = (
        rig.world.policy.model_copy(update={"drills": drills}),
        plans_of(rig.world.policy, rig.world.policy_digest)["failover"],
    )
    result = DrillResult("d1", Scenario.REGION_LOSS, "other", 0.0, 100.0, kind="failover", operation="o1")
    known = fold_past([], [result])[OperationKind.FAILOVER]
    assert bool(runbook(policy, plan, known, 100.0 + ago).red) is red
    assert "NEVER" in runbook(policy, plan, KindPast(), 0.0).red[0]


@pytest.fixture
def at_a_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    build(tmp_path)
    return tmp_path / "runbooks" / "shop"


def test_notes_survive_and_a_damaged_mark_changes_nothing(at_a_desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runbook", "shop", "--out", str(at_a_desk)]) == ExitCode.OK
    file = at_a_desk / "failover.md"
    assert {path.stem for path in at_a_desk.glob("*.md")} == set(KINDS)
    file.write_text(file.read_text().replace(BEGIN, f"{BEGIN}\nRing <Ann> first."))
    assert main(["runbook", "shop", "--out", str(at_a_desk)]) == ExitCode.OK
    assert notes_of(file.read_text(), "x") == "Ring <Ann> first."
    assert "Ring &lt;Ann&gt; first." in file.with_suffix(".html").read_text()
    for damaged in (file.read_text().replace(END, ""), file.read_text() + BEGIN):
        file.write_text(damaged)
        before = {path: path.read_bytes() for path in at_a_desk.iterdir()}
        assert main(["runbook", "shop", "--out", str(at_a_desk)]) == ExitCode.REFUSED
        assert "put each mark on a line" in capsys.readouterr().err
        assert {path: path.read_bytes() for path in at_a_desk.iterdir()} == before


def test_one_of_another_plan_is_told(at_a_desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = at_a_desk / "failover.md"
    asked = ["runbook", "shop", "failover"]
    assert main([*asked, "--out", str(file)]) == ExitCode.OK
    assert main([*asked, "--check", str(file)]) == ExitCode.OK
    file.write_text(re.sub(r"plan `[^`]+`", "plan `sha256:old`", file.read_text()))
    capsys.readouterr()
    assert main([*asked, "--check", str(file)]) == ExitCode.LOOK_FIRST
    assert "STALE" in capsys.readouterr().out
    assert main(["runbook", "shop", "failovr"]) == ExitCode.REFUSED
    assert "failover" in capsys.readouterr().err


def test_the_bundle_holds_each_with_notes(tmp_path: Path) -> None:
    rig = _rig(tmp_path, "failover")
    kept = tmp_path / "runbooks" / "shop" / "failover.md"
    kept.parent.mkdir(parents=True)
    kept.write_text(markdown(_book(rig, "failover"), "Ring Ann first."))
    files = contents(loaded_of(rig), rig.world.journal, tmp_path, None)
    assert b"Ring Ann first." in files["runbooks/failover.md"]
    assert b"Ring Ann first." in files["runbooks/failover.html"]
    assert {f"runbooks/{kind}.{end}" for kind in KINDS for end in ("md", "html")} <= set(files)


def test_damaged_notes_are_no_end_of_readiness(tmp_path: Path) -> None:
    rig = _rig(tmp_path, "failover")
    kept = tmp_path / "runbooks" / "shop" / "failover.md"
    kept.parent.mkdir(parents=True)
    kept.write_text(BEGIN)
    assert "put each mark on a line" in refresh(loaded_of(rig), rig.world.journal, tmp_path, None)


def test_a_page_is_red_when_the_runbook_is(tmp_path: Path) -> None:
    book = _book(_rig(tmp_path, "failover"), "failover")
    assert "card top open" in runbook_html(book)
    assert "card top bad" in runbook_html(dataclasses.replace(book, red=("NEVER drilled with success",)))
    assert stale("nothing", book)
