"""``tidegate backup | backups | restore``: what a person sees who wants data back."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.scenarios.test_backups import Bench, bench
from tests.support.estate import ROOT
from tidegate.checks.model import Status
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drivers.backups.contract import TableDifference
from tidegate.policy.backups import Backups
from tidegate.policy.base import PeopleAsked

__all__ = ["bench"]
BY = ["--by", "cat", "--reason", "a bad update"]


@pytest.fixture
def held(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("tidegate.cli.backups.find_world", lambda service: bench.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    return bench


def test_a_backup_is_taken_and_listed(held: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["backup", "shop", *BY]) == ExitCode.OK
    assert main(["backups", "shop"]) == ExitCode.OK
    told = capsys.readouterr().out
    assert told.count("can be read") == 3, "the one that was taken, then both"
    assert "archive of the log: everything until 2027-" in told
    assert main(["backups", "shop", "--json"]) == ExitCode.OK
    assert len(json.loads(capsys.readouterr().out)["backups"]) == 2


def test_a_restore_says_what_it_is_and_what_comes_next(held: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    held.driver.differences = (TableDifference("orders", 10, 9, 3, 2), TableDifference("sessions", 4, 4, 0, 0))
    assert main(["restore", "shop", "--to", "latest", *BY]) == ExitCode.OK
    told = capsys.readouterr().out
    assert "which was not touched" in told
    assert "orders: 10 rows live, 9 restored; 3 as they are live are not in it" in told
    assert "sessions: the same 4 rows" in told
    assert "not asked, as what they compare with is not there: orders_do_not_vanish" in told
    (one,) = held.driver.beside
    assert f"tidegate restore shop --discard {one}" in told
    assert main(["restore", "shop", "--discard", one, *BY]) == ExitCode.OK
    assert held.driver.beside == {}


def test_a_swap_asks_people_and_says_how_it_ended(
    held: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(["restore", "shop", "--to", "latest", *BY]) == ExitCode.OK
    (one,) = held.driver.beside
    assert f"tidegate restore shop --swap {one}" in capsys.readouterr().out
    asked = PeopleAsked.model_validate({"from": ["ann", "ben"], "quorum": 2, "within": "20s"})
    policy = held.world.policy.model_copy(update={"backups": Backups(approval=asked)})
    loaded = SimpleNamespace(policy=policy, digest=held.world.policy_digest)
    monkeypatch.setattr("tidegate.cli.backups.find_policy", lambda service: loaded)
    assert main(["restore", "shop", "--swap", one, *BY]) == ExitCode.NOT_APPROVED
    assert "waiting for 2 of ann, ben to approve" in capsys.readouterr().out
    assert held.driver.live == ""


def test_a_check_that_is_not_passed_there_has_an_exit_code(held: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    held.rig.checks.status["totals_are_equal"] = Status.VIOLATED
    assert main(["restore", "shop", "--to", "latest", *BY]) == ExitCode.LOOK_FIRST
    assert "totals_are_equal: violated" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [[], ["--to", "latest", "--discard", "b1"], ["--to", "2026-05-04T16:20"], ["--discard", "nobody"]],
    ids=["nothing", "both", "no zone", "unknown"],
)
def test_what_is_not_clear_is_refused(held: Bench, words: list[str]) -> None:
    assert main(["restore", "shop", *words, *BY]) == ExitCode.REFUSED
    assert held.driver.beside == {}
