"""Many writers at once, and writers that die: the chain stays whole."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from tests.support.journal import FORK, findings, journal, journal_url
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal

__all__ = ["journal", "journal_url"]  # fixtures

WRITERS, APPENDS = 4, 100


def test_four_writers_of_one_service(journal: Journal, journal_url: str) -> None:
    def write(writer: int) -> None:
        mine = Journal(journal_url)
        for number in range(APPENDS):
            with mine.locked("shop") as txn:
                txn.append(EventKind.NOTE, {"number": number}, actor=f"writer:{writer}")

    writers = [FORK.Process(target=write, args=(n,)) for n in range(WRITERS)]
    for process in writers:
        process.start()
    for process in writers:
        process.join(120)
    assert [process.exitcode for process in writers] == [0] * WRITERS
    events = journal.events("shop")
    assert [e.seq for e in events] == list(range(1, WRITERS * APPENDS + 1))
    for writer in range(WRITERS):
        assert [e.body["number"] for e in events if e.actor == f"writer:{writer}"] == list(range(APPENDS))
    assert findings(journal) == []


def test_writer_killed_in_mid_loop(journal: Journal, journal_url: str) -> None:
    def write() -> None:
        mine = Journal(journal_url)
        while True:
            with mine.locked("shop") as txn:
                txn.raise_epoch()
                txn.append(EventKind.NOTE, {"pid": os.getpid()}, actor="writer")

    for _ in range(5):
        before = journal.head("shop").seq
        process = FORK.Process(target=write)
        process.start()
        _until(lambda before=before: journal.head("shop").seq > before + 3)
        process.kill()
        process.join(30)
        assert process.exitcode == -signal.SIGKILL
        assert findings(journal) == []
    head = journal.head("shop")
    assert head.epoch == head.seq, "each row raised the epoch by one: head and chain moved together"


def test_writer_killed_right_after_a_commit(journal: Journal, journal_url: str) -> None:
    def killed(event: Event) -> None:
        if event.seq == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    def write() -> None:
        mine = Journal(journal_url, after_commit=killed)
        for _ in range(10):
            with mine.locked("shop") as txn:
                txn.append(EventKind.NOTE, {}, actor="writer")

    process = FORK.Process(target=write)
    process.start()
    process.join(30)
    assert process.exitcode == -signal.SIGKILL
    assert journal.head("shop").seq == 3
    assert findings(journal) == []


def _until(holds: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.005)
