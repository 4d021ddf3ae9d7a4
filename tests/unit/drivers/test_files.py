"""Files as effects."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

import pytest

from tidegate.drivers._files import append_line, locked, replace
from tidegate.errors import Throttled


def test_a_file_is_replaced_wholly_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "routes"
    replace(path, "old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        replace(path, "new")

    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["routes"], "a temporary file was left"


def test_a_private_file_is_private_from_its_first_byte(tmp_path: Path) -> None:
    replace(tmp_path / "conf", "x", mode=0o600)
    assert (tmp_path / "conf").stat().st_mode & 0o777 == 0o600


def test_a_lock_that_is_held_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(Throttled, match="lock"), locked(path, 0.05):
            pytest.fail("two hold it")
    with locked(path, 0.05):
        pass


def test_a_lock_is_let_go_when_its_holder_fails(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError), locked(path, 0.05):
        raise RuntimeError
    with locked(path, 0.05):
        pass


def test_lines_are_appended(tmp_path: Path) -> None:
    for number in range(2):
        append_line(tmp_path / "log", {"n": number})
    assert [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()] == [{"n": 0}, {"n": 1}]
