"""Ours are found again and ended, whatever became of their leader; nobody else's are touched."""

import dataclasses
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lab import processes
from lab.processes import Session

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[Session]:
    """A shell that leads a session with two more processes in it, one of them in a group of its own."""
    script = f'set -m; sleep 61 & exec 2>&1; {sys.executable} -c "{STUBBORN}" & wait'
    found: list[Session] = []
    log = tmp_path / "log"
    argv = ["/bin/bash", "-c", script]
    process = processes.start_session(argv, env={"PATH": "/usr/bin:/bin"}, log=log, record=found.append)
    _until(lambda: "ready" in log.read_text() and len(processes.members(found[0])) == 3)
    yield found[0]
    processes.kill(found[0])
    process.wait(5)


def test_members_survive_their_leader_and_are_still_known_as_ours(leader: Session) -> None:
    processes.kill_one(leader.pid)
    _until(lambda: not processes.leads(leader))
    assert len(processes.members(leader)) == 2, "the two that were orphaned"


def test_end_asks_first_and_kills_who_does_not_listen(leader: Session) -> None:
    assert processes.end(leader, grace=0.5) >= 1, "the one that ignores SIGTERM had to be killed"
    assert processes.members(leader) == []


def test_end_asks_the_orphans_when_the_leader_is_gone(leader: Session) -> None:
    processes.kill_one(leader.pid)
    _until(lambda: not processes.leads(leader))
    assert processes.end(leader, grace=1.0) == 1, "only the one that ignores SIGTERM is killed"
    assert processes.members(leader) == []


def test_kill_ends_stopped_processes_as_well(leader: Session) -> None:
    for pid in processes.members(leader):
        subprocess.run(["kill", "-STOP", str(pid)], check=True)
    processes.kill(leader)
    assert processes.members(leader) == []


def test_a_number_that_was_reused_is_not_ours(leader: Session) -> None:
    """The state file names this pid, but with another start time: another process, somebody else's."""
    stale = dataclasses.replace(leader, started=leader.started - 1)
    assert processes.members(stale) == []
    assert processes.end(stale, grace=0.1) == 0
    assert len(processes.members(leader)) == 3, "nobody was touched"


def test_a_session_of_an_earlier_boot_is_not_ours(leader: Session) -> None:
    stale = dataclasses.replace(leader, boot="11111111-2222-3333-4444-555555555555")
    processes.kill(stale)
    assert len(processes.members(leader)) == 3


def test_a_signal_goes_to_members_only(leader: Session) -> None:
    """A pid that has left the session, or was reused outside it, between looking and signalling is spared."""
    outsider = subprocess.Popen(["sleep", "30"], start_new_session=True)
    try:
        assert processes._signal(leader, outsider.pid, signal.SIGKILL) is False
        assert outsider.poll() is None
    finally:
        outsider.kill()
        outsider.wait()


def test_servers_are_told_by_what_they_run_and_where(tmp_path: Path) -> None:
    inside = tmp_path / "data" / "east"
    inside.mkdir(parents=True)
    there = subprocess.Popen(["sleep", "30"], cwd=inside)
    elsewhere = subprocess.Popen(["sleep", "30"], cwd=tmp_path)
    try:
        program = (Path("/proc") / str(there.pid) / "exe").readlink().name
        assert processes.working_in(tmp_path / "data", program) == [there.pid]
        assert processes.working_in(tmp_path / "data", "postgres") == []
    finally:
        for process in (there, elsewhere):
            process.kill()
            process.wait()


def _until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come about in time"
        time.sleep(0.02)
