"""``tidegate drill | drills``: a drill from a terminal, and what was held."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.airflow_runs import loaded_of
from tests.support.drills import SERVICE, Stage, stage
from tidegate.cli import main
from tidegate.cli.drilling import _drawn
from tidegate.cli.exit_codes import ExitCode
from tidegate.drill.cast import HIDDEN
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.drill import Scenario

TWO: dict[str, Any] = {"bad_release": {"version": "1.2.0"}, "region_loss": {}}


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    found = stage(tmp_path, TWO)
    found.rig.users.error_rate["1.2.0"] = {"checkout": 0.3}
    loaded = dataclasses.replace(loaded_of(found.rig), policy=found.cast.policy)
    monkeypatch.setattr("tidegate.cli.drilling.find_policy", lambda service: loaded)
    monkeypatch.setattr("tidegate.cli.drilling._cast", lambda policy, which, by: found.again(which))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    return found


def test_all_of_the_policys_scenarios_and_then_the_trend(held: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", SERVICE, "--by", "ann", "--id", "d-1"]) == ExitCode.OK
    assert "prod: d-1 passed: 2 of 2 scenarios passed" in capsys.readouterr().out
    assert main(["drills", SERVICE]) == ExitCode.OK
    said = capsys.readouterr().out
    assert [line.split()[2:4] for line in said.splitlines()[1:3]] == [
        ["bad_release", "passed"],
        ["region_loss", "passed"],
    ]
    assert main(["drills", SERVICE, "--json"]) == ExitCode.OK
    (told,) = json.loads(capsys.readouterr().out)["drills"]
    assert (told["drill"], told["ok"]) == ("d-1", True)
    assert [one["scenario"] for one in told["results"]] == ["bad_release", "region_loss"]


def test_the_page_is_written_where_it_is_asked_for(
    held: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drill", SERVICE, "region_loss", "--id", "d-1"]) == ExitCode.OK
    assert main(["drills", SERVICE, "--out", str(tmp_path / "drills.html")]) == ExitCode.OK
    page = (tmp_path / "drills.html").read_text()
    assert "d-1 passed" in page
    assert "<svg" in page
    assert main(["drills", SERVICE, "--out", str(tmp_path / "drills.pdf")]) == ExitCode.REFUSED
    assert "is no page" in capsys.readouterr().err


def test_one_that_failed_exits_so_and_says_why(held: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    held.rig.database.kill("west")
    assert main(["drill", SERVICE, "bad_release", "--id", "d-1"]) == ExitCode.REFUSED
    said = capsys.readouterr().out
    assert "prod: d-1 FAILED: 0 of 1 scenarios passed" in said
    assert "    preconditions: readiness of shop" in said


def test_a_scenario_that_the_policy_has_not_names_the_likely_one(
    held: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drill", SERVICE, "region_lost"]) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "the policy rehearses no 'region_lost'" in said
    assert "did you mean 'region_loss'?" in said


def test_what_was_never_held_is_said_to_be_overdue(held: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drills", SERVICE]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "no drill was ever held" in said
    assert f"a drill is overdue: tidegate drill {SERVICE}" in said


def test_a_game_day_draws_one_of_them_and_tells_which_at_its_end(
    held: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["drill", SERVICE, "bad_release", "--id", "d-1", "--game-day", "--within", "2m"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "prod: d-1 passed: 1 of 1 scenarios passed" in said
    assert "bad_release, game day" in said
    begun = held.rows(EventKind.DRILL_BEGUN)[-1]
    assert (begun["scenarios"], begun["game_day"]) == ([HIDDEN], True)


def test_a_restore_is_no_game_day(held: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Refused, match="nothing breaks that anybody could notice"):
        _drawn(held.cast, [Scenario.RESTORE], "2m")
    _, drawn = _drawn(held.cast, [Scenario.RESTORE, Scenario.BAD_RELEASE], "2m")
    assert drawn == [Scenario.BAD_RELEASE]


def test_a_game_day_within_no_time_at_all_is_refused(held: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drill", SERVICE, "--game-day", "--within", "soon"]) == ExitCode.REFUSED
    assert "--within: 'soon' is not a duration" in capsys.readouterr().err
    assert held.rows(EventKind.DRILL_BEGUN) == []
