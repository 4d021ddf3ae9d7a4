"""What every journal does, on SQLite and on real PostgreSQL."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from tests.support.journal import FORK, fill, findings, journal, journal_url, lease
from tests.support.postgres import Server, database_url, postgres
from tidegate.errors import Changed, JournalError, JournalUnreachable, LeaseLost
from tidegate.journal import database, tables, verify
from tidegate.journal.model import ZERO_HASH, Event, EventKind, Head
from tidegate.journal.store import Journal, Transaction

__all__ = ["database_url", "journal", "journal_url", "postgres"]  # fixtures


def test_unknown_service_has_a_head_at_zero(journal: Journal) -> None:
    assert journal.head("shop") == Head("shop", 0, ZERO_HASH, 0, None)
    assert journal.events("shop") == []
    assert journal.services() == []
    assert journal.verify() == []


def test_migrate_twice_changes_nothing(journal: Journal) -> None:
    fill(journal)
    journal.migrate()
    assert journal.head("shop").seq == 8


def test_two_migrations_at_once(journal_url: str) -> None:
    barrier = FORK.Barrier(2)

    def start() -> None:
        mine = Journal(journal_url)
        barrier.wait(30)
        mine.migrate()

    starters = [FORK.Process(target=start) for _ in range(2)]
    for process in starters:
        process.start()
    for process in starters:
        process.join(60)
    assert [process.exitcode for process in starters] == [0, 0]
    fill(Journal(journal_url))


def test_tables_are_what_the_migrations_make(journal: Journal, journal_url: str) -> None:
    inspector = inspect(create_engine(journal_url))
    for table in tables.metadata.sorted_tables:
        made = {c["name"]: (type(c["type"]).__name__, c["nullable"]) for c in inspector.get_columns(table.name)}
        meant = {c.name: c.nullable for c in table.columns}
        assert {name: nullable for name, (_, nullable) in made.items()} == meant
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [c.name for c in table.primary_key]
        assert {i["name"] for i in inspector.get_indexes(table.name)} == {i.name for i in table.indexes}


def test_appended_event_is_what_is_read_back(journal: Journal) -> None:
    body = {"text": "é \u0000 \ud7ff", "number": 0.1, "big": 2**60, "none": None, "nested": {"b": [1, 2], "a": True}}
    with journal.locked("shop") as txn:
        written = txn.append(EventKind.NOTE, body, actor="ada", operation="op-1")
        assert txn.events() == [written]
    assert journal.events("shop") == [written]
    assert (written.seq, written.epoch, written.prev_hash, written.body) == (1, 0, ZERO_HASH, body)
    assert journal.head("shop").hash == written.hash
    assert findings(journal) == []


def test_exception_leaves_nothing_behind(journal: Journal) -> None:
    fill(journal)
    before = journal.head("shop")
    with pytest.raises(ZeroDivisionError), journal.locked("shop") as txn:
        txn.raise_epoch()
        txn.append(EventKind.NOTE, {}, actor="ada")
        raise ZeroDivisionError
    assert journal.head("shop") == before
    assert len(journal.events("shop")) == before.seq


@pytest.mark.parametrize(
    "body", [{"x": float("nan")}, {"x": float("inf")}, {"x": {1, 2}}, {"x": "\ud800"}, {1: 1, "a": 2}]
)
def test_body_that_json_cannot_hold_is_refused(journal: Journal, body: dict[str, object]) -> None:
    with pytest.raises(JournalError, match="canonical JSON"), journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, body, actor="ada")
    assert journal.head("shop").seq == 0


@pytest.mark.parametrize("service", ["", "Shop", "../shop", "a" * 64, "shop\n"])
def test_service_that_is_no_identifier_is_refused(journal: Journal, service: str) -> None:
    with pytest.raises(JournalError, match="not a service"), journal.locked(service):
        pytest.fail("the block must not be entered")
    with pytest.raises(JournalError, match="not a service"):
        journal.beat(service, "guard", ttl=1, body={})


def test_older_epoch_is_refused(journal: Journal) -> None:
    fill(journal)
    with journal.locked("shop") as txn:
        assert txn.raise_epoch() == 2
        txn.append(EventKind.STOP_LOSS, {}, actor="guard", epoch=2)
    with pytest.raises(LeaseLost, match=r"epoch 1.*epoch 2"), journal.locked("shop") as txn:
        txn.append(EventKind.STEP_VERIFIED, {}, actor="worker", epoch=1)
    assert journal.events("shop")[-1].kind is EventKind.STOP_LOSS


def test_epoch_does_not_shrink_when_the_lease_is_freed(journal: Journal) -> None:
    fill(journal)
    with journal.locked("shop") as txn:
        txn.append(EventKind.OPERATION_CLOSED, {}, actor="ada")
        txn.set_lease(None)
    head = journal.head("shop")
    assert (head.epoch, head.lease) == (1, None)
    assert findings(journal) == []


@pytest.mark.parametrize("lease_first", [True, False])
def test_lease_is_recorded_by_the_event_beside_it(journal: Journal, lease_first: bool) -> None:
    with journal.locked("shop") as txn:
        if lease_first:
            txn.set_lease(lease())
        txn.append(EventKind.LEASE_TAKEN, {}, actor="ada")
        txn.set_lease(lease())
    [event] = journal.events("shop")
    assert event.lease == {"holder": "worker:1", "kind": "promotion", "operation": "shop-promotion-1"}
    assert journal.head("shop").lease == lease()
    assert journal.head("shop").hash == event.hash
    assert findings(journal) == []


def test_epoch_or_lease_without_an_event_is_refused(journal: Journal) -> None:
    fill(journal)
    before = journal.head("shop")
    for change in ("epoch", "lease", "epoch after the event"):
        with pytest.raises(JournalError, match="no event records it"), journal.locked("shop") as txn:
            if change == "epoch after the event":
                txn.append(EventKind.NOTE, {}, actor="ada")
            txn.set_lease(None) if change == "lease" else txn.raise_epoch()
        assert journal.head("shop") == before


def test_renewing_a_lease_needs_no_event(journal: Journal) -> None:
    fill(journal)
    with journal.locked("shop") as txn:
        txn.set_lease(lease(expires_at=900.0))
    head = journal.head("shop")
    assert head.lease == lease(expires_at=900.0)
    assert head.seq == 8
    assert findings(journal) == []


def test_filters(journal: Journal) -> None:
    fill(journal, "shop")
    fill(journal, "pay", 3)
    with journal.locked("shop") as txn:
        txn.append(EventKind.HELD, {}, actor="ada", operation="op-2")
        for read in (txn.events, lambda **f: journal.events("shop", **f) + txn.events(after=8, **f)):
            assert [e.seq for e in read(operation="op-2")] == [9]
            assert [e.seq for e in read(kinds=[EventKind.HELD, EventKind.OPERATION_OPENED])] == [1, 9]
            assert [e.seq for e in read(kinds=[])] == []
        assert [e.seq for e in txn.events(after=7)] == [8, 9]
        assert txn.events(after=9) == []
    assert [e.service for e in journal.events("pay")] == ["pay"] * 3
    assert journal.services() == ["pay", "shop"]


def test_after_commit_is_called_once_the_event_is_there(journal: Journal, journal_url: str) -> None:
    seen: list[tuple[Event, bool]] = []
    hooked = Journal(journal_url, after_commit=lambda e: seen.append((e, e in journal.events("shop"))))
    with hooked.locked("shop") as txn:
        txn.append(EventKind.NOTE, {"n": 1}, actor="ada")
        txn.append(EventKind.LEASE_TAKEN, {"n": 2}, actor="ada")
        txn.set_lease(lease())
        assert seen == []
    assert [(event.body["n"], there) for event, there in seen] == [(1, True), (2, True)]
    with pytest.raises(ZeroDivisionError), hooked.locked("shop") as txn:
        txn.append(EventKind.NOTE, {"n": 3}, actor="ada")
        raise ZeroDivisionError
    assert len(seen) == 2


def test_beats_and_evidence_are_replaced_and_stand_outside_the_chain(journal_url: str) -> None:
    now = [10.0]
    journal = Journal(journal_url, clock=lambda: now[0])
    journal.migrate()
    journal.beat("shop", "guard", ttl=3, body={"pid": 1})
    now[0] = 11.0
    journal.beat("shop", "guard", ttl=3, body={"pid": 2})
    journal.beat("pay", "guard", ttl=3, body={})
    beat = journal.beats("shop")["guard"]
    assert (beat.at, beat.expires_at, beat.body) == (11.0, 14.0, {"pid": 2})
    assert journal.evidence("shop", "op", "k") is None
    for number in (1, 2):
        journal.put_evidence("shop", "op", "k", {"n": number})
    assert journal.evidence("shop", "op", "k") == {"n": 2}
    assert journal.evidence("shop", "op", "other") is None
    assert journal.head("shop").seq == 0


def test_chain_is_append_only_for_whoever_makes_a_mistake(journal: Journal, journal_url: str) -> None:
    fill(journal)
    engine = create_engine(journal_url)
    for statement in ("UPDATE events SET actor = 'eve'", "DELETE FROM events"):
        with pytest.raises(SQLAlchemyError, match="append-only"), engine.begin() as connection:
            connection.execute(text(statement))
    assert findings(journal) == []


def test_read_only_journal_cannot_write(journal: Journal, journal_url: str) -> None:
    fill(journal)
    reader = Journal(journal_url, read_only=True)
    assert reader.head("shop") == journal.head("shop")
    assert reader.verify() == []
    with pytest.raises(JournalError, match=r"read.?only"), reader.locked("shop") as txn:
        txn.append(EventKind.NOTE, {}, actor="ada")
    with pytest.raises(JournalError, match=r"read.?only"):
        reader.beat("shop", "guard", ttl=1, body={})


def test_lock_that_is_not_had_in_time_is_worth_a_retry(
    journal: Journal, journal_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_SECONDS", 1)
    fill(journal)
    waiting = Journal(journal_url)
    with journal.locked("shop"), pytest.raises(JournalUnreachable) as caught, waiting.locked("shop"):
        pytest.fail("the block must not be entered")
    assert caught.value.retryable
    assert caught.value.changed is Changed.NO


def test_other_service_is_not_held_up_for_readers(journal: Journal) -> None:
    fill(journal)
    with journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, {}, actor="ada")
        seen: list[int] = []
        reader = threading.Thread(target=lambda: seen.append(journal.head("shop").seq))
        reader.start()
        reader.join(5)
        assert seen == [8], "a reader sees the last commit and does not wait for the writer"


@pytest.mark.real
def test_failed_commit_says_that_the_outcome_is_unknown(
    database_url: str, postgres: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(database_url)
    journal.migrate()
    fill(journal)
    finish = Transaction.finish

    def finish_and_lose_the_connection(txn: Transaction) -> None:
        finish(txn)
        victim = txn._connection.execute(text("SELECT pg_backend_pid()")).scalar()
        postgres.execute(f"SELECT pg_terminate_backend({victim}, 5000)")

    monkeypatch.setattr(Transaction, "finish", finish_and_lose_the_connection)
    with pytest.raises(JournalUnreachable) as caught, journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, {}, actor="ada")
    assert caught.value.changed is Changed.UNKNOWN
    assert journal.head("shop").seq == 8


@pytest.mark.real
def test_frozen_writer_does_not_hold_the_head_for_ever(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "IDLE_SECONDS", 1)
    journal = Journal(database_url)
    journal.migrate()
    locked, thaw = FORK.Event(), FORK.Event()

    def frozen() -> None:
        with Journal(database_url).locked("shop") as txn:
            txn.append(EventKind.NOTE, {}, actor="frozen")
            locked.set()
            thaw.wait(60)

    process = FORK.Process(target=frozen)
    process.start()
    assert locked.wait(30)
    fill(journal)
    thaw.set()
    process.join(30)
    assert process.exitcode == 1, "thawed, it finds its transaction gone"
    assert {e.actor for e in journal.events("shop")} == {"ada"}


def test_tables_that_are_not_there_are_named(journal_url: str) -> None:
    if file := Journal(journal_url).file:
        file.parent.mkdir()
    with pytest.raises(JournalError, match="migrate") as caught:
        Journal(journal_url).head("shop")
    assert not isinstance(caught.value, JournalUnreachable)


def test_journal_of_a_newer_tidegate_is_refused(journal: Journal, journal_url: str) -> None:
    with create_engine(journal_url).begin() as connection:
        connection.execute(text("UPDATE tidegate_journal_version SET version_num = '9999'"))
    with pytest.raises(JournalError, match="newer Tidegate"):
        Journal(journal_url).migrate()


def test_verifying_sees_one_moment_while_others_append(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(journal)
    compare = verify._head_findings

    def append_then_compare(*arguments):
        with journal.locked("shop") as txn:
            txn.append(EventKind.NOTE, {}, actor="ada")
        return compare(*arguments)

    monkeypatch.setattr(verify, "_head_findings", append_then_compare)
    assert findings(journal) == [], "the chain was read before the append, the head after it"
    assert journal.head("shop").seq == 9


def test_first_start_waits_for_a_file_that_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch to WAL fails at once where everything else in SQLite waits."""
    holder = sqlite3.connect(tmp_path / "journal.sqlite", isolation_level=None)
    holder.execute("CREATE TABLE other (x)")
    holder.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(database.time, "sleep", lambda _: holder.in_transaction and holder.rollback())
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    journal.migrate()
    assert not holder.in_transaction, "the lock was let go before the switch was made"
    fill(journal)


def test_connections_are_not_shared_with_a_forked_child(journal: Journal) -> None:
    fill(journal)

    def child() -> None:
        with journal.locked("shop") as txn:
            txn.append(EventKind.NOTE, {"from": "child"}, actor="child")

    process = FORK.Process(target=child)
    process.start()
    with journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, {"from": "parent"}, actor="parent")
    process.join(30)
    assert process.exitcode == 0
    assert {e.actor for e in journal.events("shop", after=8)} == {"child", "parent"}
    assert findings(journal) == []
