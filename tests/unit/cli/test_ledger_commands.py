"""``tidegate ledger …``: what a person sees and does after a failover that lost writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.scenarios.test_lost_writes import LOST, rig, state, waiting
from tests.support.estate import ROOT, Rig
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode

__all__ = ["rig"]
BY = ["--by", "cat", "--reason", "we have looked"]


@pytest.fixture
def held(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A reprotect has read the ledger, and waits for people."""
    waiting(rig)
    for name in ("find_world", "find_paper"):
        monkeypatch.setattr(f"tidegate.cli.ledger.{name}", lambda service: rig.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    return rig


def test_the_rows_are_shown_with_what_comes_next(held: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "show", "shop"]) == ExitCode.OK
    told = capsys.readouterr().out
    assert all(key in told for key in LOST)
    assert "next:  " in told and "tidegate ledger" in told
    assert main(["ledger", "show", "shop", "--json"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert (document["open"], [row["key"] for row in document["rows"]]) == ([1, 2, 3], LOST)


def test_each_entry_is_closed_by_somebody_for_a_reason(held: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "reapply", "shop", "1", *BY]) == ExitCode.OK
    assert "1 reapplied, 0 in conflict" in capsys.readouterr().out
    assert main(["ledger", "supersede", "shop", "2", *BY]) == ExitCode.OK
    assert main(["ledger", "discard", "shop", "--all", *BY]) == ExitCode.OK
    assert "goes on by itself" in capsys.readouterr().out
    assert state(held).settled


def test_which_entries_has_to_be_said(held: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "discard", "shop", *BY]) == ExitCode.REFUSED
    assert main(["ledger", "discard", "shop", "1", "--all", *BY]) == ExitCode.REFUSED
    assert "name them by number, or --all" in capsys.readouterr().err
    assert len(state(held).open) == 3


def test_what_is_not_there_is_refused(held: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "discard", "shop", "9", *BY]) == ExitCode.REFUSED
    assert len(state(held).open) == 3


def test_what_was_read_is_not_given_up_as_unreadable(held: Rig, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", "unreadable", "shop", *BY]) == ExitCode.REFUSED
    assert "tidegate ledger discard shop --all" in capsys.readouterr().err
    assert len(state(held).open) == 3


def test_an_old_primary_that_nobody_can_read_is_given_up(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tidegate.cli.ledger.find_paper", lambda service: rig.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    assert main(["ledger", "unreadable", "shop", *BY]) == ExitCode.OK
    assert "tidegate reprotect shop" in capsys.readouterr().out
    assert state(rig).settled
