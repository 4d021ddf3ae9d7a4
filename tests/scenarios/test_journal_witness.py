"""The witness as its own process, with a credential of its own."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.journal import fill, journal, journal_url
from tests.support.postgres import server
from tidegate.journal.audit import WHOLE, audit
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.model import EventKind
from tidegate.journal.signing import SigningKey, parse_head
from tidegate.journal.store import Journal
from tidegate.journal.witness import Witness

__all__ = ["journal", "journal_url"]  # fixtures

ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that the witness's own user can enter, as an operator's would be; pytest's own are closed."""
    with tempfile.TemporaryDirectory(prefix="tidegate-witness-") as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


@contextlib.contextmanager
def running(place: Path, url: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A witness; ended if it has not ended by itself. Its log is ``place/log``."""
    options = ["--store", str(place / "store"), "--key", str(place / "key" / "witness.key"), "--poll", "0.05", *more]
    with (place / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tidegate.journal.witness", *options],
            stdout=log,
            stderr=log,
            env={**os.environ, "TIDEGATE_JOURNAL": url, "PYTHONPATH": "include"},
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


def signed(place: Path) -> list[int]:
    """Rows whose head is signed, by the store."""
    store = DirectoryStore(place / "store")
    return [parse_head(line).seq for line in store.lines("heads/shop")]


def until(holds: Callable[[], bool], place: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        log = place / "log"
        assert time.monotonic() < deadline, f"did not come true in time: {log.read_text() if log.exists() else ''}"
        time.sleep(0.02)


def append(journal: Journal, kind: EventKind) -> None:
    with journal.locked("shop") as txn:
        txn.append(kind, {}, actor="ada")


def test_signs_the_end_of_an_operation_at_once_and_the_rest_when_it_ends(
    place: Path, journal: Journal, journal_url: str
) -> None:
    fill(journal)
    with running(place, journal_url, "--every", "3600") as process:
        until(lambda: signed(place) == [8], place)
        append(journal, EventKind.OPERATION_CLOSED)
        until(lambda: signed(place) == [8, 9], place)
        append(journal, EventKind.NOTE)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    assert signed(place) == [8, 9, 10], "a head that moved a moment ago is signed before the witness goes"
    report = audit(journal, DirectoryStore(place / "store"))
    assert report.findings == ()
    assert report.exit_status == WHOLE


def test_goes_on_after_being_killed(place: Path, journal: Journal, journal_url: str) -> None:
    fill(journal)
    with running(place, journal_url) as process:
        until(lambda: signed(place) == [8], place)
        process.kill()
        process.wait(30)
    append(journal, EventKind.NOTE)
    with running(place, journal_url, "--every", "0"):
        until(lambda: signed(place) == [8, 9], place)
    assert audit(journal, DirectoryStore(place / "store")).exit_status == WHOLE


def test_reads_a_file_that_no_writer_has_open(place: Path) -> None:
    url = f"sqlite:///{place / 'journal.sqlite'}"
    journal = Journal(url)
    journal.migrate()
    fill(journal)
    journal.close()
    assert not (place / "journal.sqlite-wal").exists()
    with running(place, url, "--every", "0"):
        until(lambda: signed(place) == [8], place)
        rows = 8
        while not _append_and_leave(journal, place):
            rows += 1
            assert rows < 100, "the witness always has the file open"
        until(lambda: signed(place)[-1] == rows + 1, place)


def _append_and_leave(journal: Journal, place: Path) -> bool:
    """Whether the writer's files are gone: they stay if the witness happened to be reading."""
    append(journal, EventKind.NOTE)
    journal.close()
    return not (place / "journal.sqlite-wal").exists()


def test_waits_for_a_journal_that_is_not_there_yet(place: Path) -> None:
    url = f"sqlite:///{place / 'journal.sqlite'}"
    with running(place, url, "--every", "0"):
        until(lambda: "trying on" in (place / "log").read_text(), place)
        journal = Journal(url)
        journal.migrate()
        fill(journal)
        until(lambda: signed(place) == [8], place)


def test_key_is_kept_from_the_journals_writer(place: Path) -> None:
    url = f"sqlite:///{place / 'journal.sqlite'}"
    journal = Journal(url)
    journal.migrate()
    fill(journal)
    key = place / "key" / "witness.key"
    with running(place, url):
        until(lambda: signed(place) == [8], place)
        assert key.stat().st_mode & 0o777 == 0o600
        if ROOT:
            assert key.owner() == (place / "store").owner() == "tidegate-witness"
            tried = subprocess.run(["cat", str(key)], user="nobody", capture_output=True, check=False)
            assert tried.returncode != 0, "another user can read the key"
            assert b"PRIVATE" not in tried.stdout
    says = audit(journal, DirectoryStore(place / "store")).separation
    assert ("written by root" if ROOT else "file mode only") in says
    assert says in (place / "log").read_text(), "the log says so as well"


def test_without_a_user_of_its_own_it_says_what_that_means(place: Path) -> None:
    url = f"sqlite:///{place / 'journal.sqlite'}"
    journal = Journal(url)
    journal.migrate()
    fill(journal)
    with running(place, url, "--user", "root"):
        until(lambda: signed(place) == [8], place)
    assert (place / "key" / "witness.key").stat().st_uid == os.geteuid()
    report = audit(journal, DirectoryStore(place / "store"))
    assert "file mode only" in report.separation
    assert "WARNING" in (place / "log").read_text()


@pytest.mark.skipif(not ROOT, reason="only root can become another user")
def test_unreachable_journal_is_named(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o700)
    with running(place, f"sqlite:///{closed / 'journal.sqlite'}") as process:
        assert process.wait(60) == 2
    assert f"cannot enter {closed}" in (place / "log").read_text()


@pytest.mark.parametrize("which", ["store", "key"])
def test_directory_of_something_else_is_not_taken_over(place: Path, which: str) -> None:
    (place / which).mkdir()
    foreign = place / which / "passwd"
    foreign.write_text("")
    owner = foreign.stat().st_uid
    with running(place, f"sqlite:///{place / 'journal.sqlite'}") as process:
        assert process.wait(60) == 2
    assert "holds what is not the witness's: passwd" in (place / "log").read_text()
    assert foreign.stat().st_uid == owner


@pytest.mark.real
def test_reads_postgresql_with_a_role_that_may_only_read_and_keeps_its_password(place: Path) -> None:
    from tests.support.journal import empty_postgres

    url = empty_postgres()
    journal = Journal(url)
    journal.migrate()
    fill(journal)
    password, role = secrets.token_hex(12), f"witness_{secrets.token_hex(4)}"
    server().execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'", "journal")
    server().execute(f"GRANT USAGE ON SCHEMA public TO {role}", "journal")
    server().execute(f"GRANT SELECT ON events, heads TO {role}", "journal")
    with running(place, f"postgresql+psycopg://{role}:{password}@127.0.0.1:{server().port}/journal") as process:
        until(lambda: signed(place) == [8], place)
        assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
    with running(place, f"postgresql+psycopg://{role}:{password}x@127.0.0.1:{server().port}/journal"):
        until(lambda: "trying on" in (place / "log").read_text(), place)
    assert password not in (place / "log").read_text()


def test_head_is_signed_when_it_moved_and_the_time_has_come(tmp_path: Path) -> None:
    now = [1000.0]
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    journal.migrate()
    store = DirectoryStore(tmp_path / "store")
    store.claim()
    witness = Witness(journal, store, SigningKey.generate(), every=5.0, clock=lambda: now[0])
    assert witness.look() == []
    fill(journal)
    assert [h.seq for h in witness.look()] == [8]
    append(journal, EventKind.NOTE)
    now[0] = 1004.9
    assert witness.look() == [], "not yet"
    now[0] = 1005.0
    assert [h.seq for h in witness.look()] == [9]
    now[0] = 1304.9
    assert witness.look() == [], "it has not moved"
    now[0] = 1305.0
    assert [h.seq for h in witness.look()] == [9], "signed anew: nothing was cut off since"
    assert witness.look() == []
    assert journal.verify(signed_heads=[parse_head(line) for line in store.lines("heads/shop")]) == []
