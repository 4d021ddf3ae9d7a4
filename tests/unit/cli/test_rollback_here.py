"""A rollback from a terminal, while a promotion is under way: the promotion goes back first, from there too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.operations import advance, now, open_promotion, small_policy, weights
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.model.operation import OperationState, Outcome


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = build(tmp_path, small_policy())
    monkeypatch.setattr("tidegate.cli.foreseeing.find_world", lambda service: made.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return made


def test_it_looks_first_and_then_makes_room(rig: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    view = advance(rig, open_promotion(rig, "1.1.0"), "wave-1.shift-100")
    assert main(["rollback", "shop", "--preview"]) == ExitCode.OK
    text = capsys.readouterr().out
    assert f"first: {view.id} would turn back and make room" in text
    assert "1.1.0 would be left, 1.0.0 would take all traffic" in text
    assert now(rig, view).state is OperationState.RUNNING, "a preview touches nothing"
    asked = ["rollback", "shop", "--without-airflow", "--by", "cat", "--reason", "customers call"]
    assert main(asked) == ExitCode.OK
    assert f"{view.id}: rolled_back" in capsys.readouterr().out
    assert now(rig, view).outcome is Outcome.ROLLED_BACK
    assert weights(rig) == {"east-a": 5000, "west-a": 5000}
