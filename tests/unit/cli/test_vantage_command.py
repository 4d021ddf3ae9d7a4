"""``tidegate vantage``, and the guard as a vantage point: who looks, until they are told to stop; status says it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import moving_policy
from tests.support.operations import small_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.guard.probing import sights
from tidegate.judge.regions import WRITER
from tidegate.report.vantage import vantage_document, vantage_words


@pytest.fixture
def signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def world_of(rig: Rig, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(f"tidegate.cli.{command}.find_world", lambda service: rig.world)


def until_it_looks(rig: Rig, name: str) -> threading.Thread:
    """Tell this process to stop once the point has looked."""

    def body() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            found = [s for s in sights(rig.world.journal, "shop") if s.point == name]
            if found and WRITER in found[0].regions.get("east", {}):
                break
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=body)
    thread.start()
    return thread


@pytest.mark.parametrize("command, name", [(["vantage", "shop", "--name", "two"], "two"), (["guard", "shop"], "guard")])
def test_it_looks_until_it_is_told_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, signals: None, command: list[str], name: str
) -> None:
    rig = build(tmp_path, moving_policy(), guarded=False)
    world_of(rig, monkeypatch, command[0])
    watcher = until_it_looks(rig, name)
    try:
        assert main(command) == ExitCode.OK
    finally:
        watcher.join()
    (sight,) = [s for s in sights(rig.world.journal, "shop") if s.point == name]
    assert (sight.regions["east"][WRITER].well, sight.regions["west"][WRITER].well) == (True, False)


@pytest.mark.parametrize("name", ["guard", "Two", "a b", ""])
def test_a_name_has_to_be_its_own(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world_of(build(tmp_path, moving_policy(), guarded=False), monkeypatch, "vantage")
    assert main(["vantage", "shop", "--name", name]) == ExitCode.REFUSED


def test_a_policy_without_failover_needs_no_eyes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world_of(build(tmp_path, small_policy(), guarded=False), monkeypatch, "vantage")
    assert main(["vantage", "shop", "--name", "two"]) == ExitCode.REFUSED
    assert "has no failover" in capsys.readouterr().err


def test_who_sees_the_regions_in_words(tmp_path: Path) -> None:
    journal = build(tmp_path, small_policy(), guarded=False).world.journal
    now = 1_800_000_000.25
    assert vantage_words(vantage_document(journal, "shop", now)) == ""
    journal.beat("shop", "vantage:two", ttl=2.0, body={})
    assert vantage_words(vantage_document(journal, "shop", now)) == "seen by two. No guard rules on it"
    journal.beat("shop", "vantage:guard", ttl=9.0, body={"ruling": "every region is well"})
    assert vantage_words(vantage_document(journal, "shop", now)) == "seen by guard, two. every region is well"
    told = vantage_words(vantage_document(journal, "shop", now + 5))
    assert told == "seen by guard; silent: two. every region is well"
    assert vantage_words(vantage_document(journal, "shop", now + 50)).startswith("SEEN BY NOBODY; silent: guard, two")
