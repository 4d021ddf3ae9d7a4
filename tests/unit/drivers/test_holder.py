"""A lock whose holder stands still: taken from one who was superseded, and from nobody else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tidegate.drivers._files import locked
from tidegate.drivers._holder import holder
from tidegate.drivers.compute._slot import SlotDirectory
from tidegate.drivers.token import Token
from tidegate.errors import Throttled
from tidegate.model.topology import Arm, Slot

LONG, SHORT = 60.0, 2.5  # seconds; the second is longer than it takes until a holder is ended
HOLD = """
import sys
from pathlib import Path
from tidegate.drivers._files import locked
from tidegate.drivers.token import Token
token = Token(int(sys.argv[2]), "theirs") if sys.argv[2] else None
with locked(Path(sys.argv[1]), 5, token):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another(path: Path, epoch: int | None, *, stopped: bool) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock."""
    command = [sys.executable, "-c", HOLD, str(path), "" if epoch is None else str(epoch)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            if stopped:
                process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            yield process
        finally:
            process.kill()


def test_one_who_stands_still_and_was_superseded_is_ended(tmp_path: Path) -> None:
    path = tmp_path / "slot.lock"
    with another(path, 4, stopped=True) as process:
        with locked(path, LONG, Token(5, "ours")):
            found = holder(path)
            assert found is not None
            assert (found.pid, found.epoch, found.operation) == (os.getpid(), 5, "ours")
        assert process.wait(10) == -signal.SIGKILL
    assert holder(path) is None


@pytest.mark.parametrize(
    ("theirs", "stopped", "ours"),
    [(4, False, 5), (5, True, 5), (6, True, 5), (None, True, 5), (4, True, None)],
    ids=["it runs", "the same epoch", "a newer one", "another chain's", "we are of another chain"],
)
def test_nobody_else_is_ended(tmp_path: Path, theirs: int | None, stopped: bool, ours: int | None) -> None:
    path = tmp_path / "slot.lock"
    with another(path, theirs, stopped=stopped) as process:
        token = None if ours is None else Token(ours, "ours")
        with pytest.raises(Throttled) as told, locked(path, SHORT, token):
            pass
        assert f"process {process.pid}" in told.value.message
        assert ("which is stopped" in told.value.message) == stopped
        assert f"kill -KILL {process.pid}" in (told.value.next_step or "")
        assert process.poll() is None


def test_what_a_dead_holder_has_left_in_the_file_names_nobody(tmp_path: Path) -> None:
    path = tmp_path / "slot.lock"
    with another(path, 4, stopped=False) as process:
        process.kill()
        process.wait(10)
    said = path.read_text()
    assert holder(path) is None
    path.write_text(said.replace(str(process.pid), str(os.getpid())))
    assert holder(path) is None, "its number was given to another process"
    with locked(path, LONG, Token(5, "ours")):
        pass


def test_a_slot_whose_writer_stands_still_is_taken_over(tmp_path: Path) -> None:
    slot = SlotDirectory(tmp_path, Arm("west", Slot.A))
    slot.path.mkdir()
    with another(slot.path / "slot.lock", 4, stopped=True) as process:
        with slot.writing(Token(5, "ours")):
            pass
        assert process.wait(10) == -signal.SIGKILL
