"""``tidegate guard``: it beats until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tests.support.estate import build, quick_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.guarding import BEAT


def test_it_beats_until_it_is_told_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = build(tmp_path, quick_policy(), guarded=False)
    monkeypatch.setattr("tidegate.cli.guard.find_world", lambda service: rig.world)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    assert BEAT not in rig.world.journal.beats("shop")

    def stop_it_once_it_beats() -> None:
        end = time.monotonic() + 120
        while BEAT not in rig.world.journal.beats("shop") and time.monotonic() < end:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGTERM)

    watcher = threading.Thread(target=stop_it_once_it_beats)
    watcher.start()
    try:
        assert main(["guard", "shop"]) == ExitCode.OK
    finally:
        watcher.join()
        for number, handler in before.items():
            signal.signal(number, handler)
    assert rig.world.journal.beats("shop")[BEAT].body["pid"] == os.getpid()
