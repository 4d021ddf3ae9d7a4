"""Whoever owns the journal's database changes history: each way of doing so is found, the first bad row is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from tests.support.journal import (
    fill,
    first,
    forge,
    journal,
    journal_url,
    lease,
    read_rows,
    sql,
    tamper,
    write_row,
)
from tidegate.journal.audit import BROKEN, UNVOUCHED, WHOLE, AuditReport, audit
from tidegate.journal.chain import row_hash
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.model import EventKind
from tidegate.journal.signing import SigningKey
from tidegate.journal.store import Journal
from tidegate.journal.witness import Separation, Witness, publish

__all__ = ["journal", "journal_url"]  # fixtures

ROWS = 8


class Place:
    """A journal of one service with :data:`ROWS` rows, the last three of them newer than the newest signed head."""

    def __init__(self, journal: Journal, url: str, root: Path) -> None:
        self.journal, self.url = journal, url
        self.store, self.key = DirectoryStore(root / "store"), SigningKey.generate()
        self.store.claim()
        publish(self.store, self.key, Separation("test", False, "as a test"))
        fill(journal, "shop", 3)
        self.sign()
        self.more(2)
        self.sign()
        self.more(3)

    def more(self, count: int) -> None:
        for number in range(count):
            with self.journal.locked("shop") as txn:
                txn.append(EventKind.NOTE, {"more": number}, actor="ada")

    def sign(self) -> list[int]:
        witness = Witness(self.journal, self.store, self.key, every=0)
        return [head.seq for head in witness.look()]

    def audit(self) -> AuditReport:
        return audit(self.journal, self.store, public_key=self.key.public.pem)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    journal = Journal(url)
    journal.migrate()
    return Place(journal, url, tmp_path)


@pytest.fixture
def either(journal: Journal, journal_url: str, tmp_path: Path) -> Place:
    """On SQLite and on PostgreSQL."""
    return Place(journal, journal_url, tmp_path)


def edit_and_hash(connection: Connection, seq: int) -> None:
    """Edit one row and give it the hash that belongs to its new content."""
    row = read_rows(connection, "shop")[seq - 1]._replace(body='{"more":99}')
    values = {"body": row.body, "hash": row_hash(row.prev_hash, row), "seq": seq}
    connection.execute(text("UPDATE events SET body = :body, hash = :hash WHERE service='shop' AND seq = :seq"), values)


def insert_chained(connection: Connection, seq: int) -> None:
    """Put a row in at ``seq``, properly chained to the one before; those behind move up by one."""
    rows = read_rows(connection, "shop")
    forged = rows[seq - 1]._replace(body='{"forged":true}')
    forged = forged._replace(hash=row_hash(forged.prev_hash, forged))
    moved = [row._replace(seq=row.seq + 1) for row in rows[seq - 1 :]]
    connection.execute(text(f"DELETE FROM events WHERE service='shop' AND seq >= {seq}"))
    for row in [forged, *moved]:
        write_row(connection, row)


def swap_rows(connection: Connection, one: int, other: int) -> None:
    for source, target in ((one, 1000), (other, one), (1000, other)):
        connection.execute(text(f"UPDATE events SET seq = {target} WHERE service='shop' AND seq = {source}"))


def delete_and_renumber(connection: Connection, seq: int) -> None:
    connection.execute(text(f"DELETE FROM events WHERE service='shop' AND seq = {seq}"))
    for number in range(seq + 1, ROWS + 1):
        connection.execute(text(f"UPDATE events SET seq = {number - 1} WHERE service='shop' AND seq = {number}"))


def run(statement: str) -> Callable[[Connection], None]:
    return lambda connection: connection.exec_driver_sql(statement) and None


# name -> (what is done, the first bad row, a word of the finding)
IN_THE_CHAIN: dict[str, tuple[Callable[[Connection], None], int, str]] = {
    "edit a body": (run("""UPDATE events SET body = '{"more":99}' WHERE seq = 5"""), 5, "edited"),
    "edit only the spaces of a body": (run("""UPDATE events SET body = '{"more": 1}' WHERE seq = 5"""), 5, "edited"),
    "edit an actor": (run("UPDATE events SET actor = 'eve' WHERE seq = 4"), 4, "edited"),
    "edit a time": (run("UPDATE events SET at = at + 1 WHERE seq = 4"), 4, "edited"),
    "edit a kind": (run("UPDATE events SET kind = 'approval_given' WHERE seq = 4"), 4, "edited"),
    "edit an operation": (run("UPDATE events SET operation = NULL WHERE seq = 2"), 2, "edited"),
    "edit an epoch": (run("UPDATE events SET epoch = 7 WHERE seq = 8"), 8, "edited"),
    "edit a lease": (run("UPDATE events SET lease = NULL WHERE seq = 8"), 8, "edited"),
    "edit a version": (run("UPDATE events SET version = 2 WHERE seq = 3"), 3, "edited"),
    "edit a hash": (run(f"UPDATE events SET hash = '{'a' * 64}' WHERE seq = 6"), 6, "edited"),
    "edit a prev_hash": (run(f"UPDATE events SET prev_hash = '{'a' * 64}' WHERE seq = 6"), 6, "prev_hash"),
    "edit a body and its hash": (lambda c: edit_and_hash(c, 5), 5, "replaced"),
    "edit the last body and its hash": (lambda c: edit_and_hash(c, 8), 8, "the head says"),
    "delete a row": (run("DELETE FROM events WHERE seq = 4"), 4, "missing"),
    "delete the first row": (run("DELETE FROM events WHERE seq = 1"), 1, "missing"),
    "delete a row and renumber": (lambda c: delete_and_renumber(c, 4), 4, "edited"),
    "insert a row": (lambda c: insert_chained(c, 4), 5, "edited"),
    "reorder two rows": (lambda c: swap_rows(c, 3, 5), 3, "edited"),
    "cut the tail": (run("DELETE FROM events WHERE seq > 6"), 7, "missing"),
    "cut everything": (run("DELETE FROM events"), 1, "missing"),
}


@pytest.mark.parametrize("name", IN_THE_CHAIN)
def test_chain_names_the_first_bad_row(either: Place, name: str) -> None:
    assert either.journal.verify() == []
    act, seq, word = IN_THE_CHAIN[name]
    tamper(either.url, act)
    finding = first(either.journal.verify())
    assert (finding.service, finding.seq) == ("shop", seq), finding
    assert word in finding.what
    assert either.audit().exit_status == BROKEN


AT_THE_HEAD = {
    "epoch": ("epoch = 9", "epoch 9"),
    "lower epoch": ("epoch = 0", "epoch 0"),
    "lease freed": (
        "lease_operation = NULL, lease_kind = NULL, lease_holder = NULL, lease_expires_at = NULL",
        "says lease None",
    ),
    "holder": ("lease_holder = 'eve'", "eve"),
    "kind": ("lease_kind = 'failover'", "failover"),
    "unknown kind": ("lease_kind = 'coup'", "lease was edited"),
    "operation": ("lease_operation = 'shop-failover-9'", "shop-failover-9"),
    "hash": (f"hash = '{'a' * 64}'", "the head says aaaa"),
    "seq forward": ("seq = 9", "the head says 9 rows"),
    "seq back": ("seq = 7", "ends at row 7"),
}


@pytest.mark.parametrize("name", AT_THE_HEAD)
def test_head_that_disagrees_with_the_chain_is_found(either: Place, name: str) -> None:
    change, word = AT_THE_HEAD[name]
    sql(either.url, f"UPDATE heads SET {change} WHERE service = 'shop'")
    finding = first(either.journal.verify())
    assert finding.seq in (ROWS, ROWS + 1)
    assert word in finding.what


def test_head_taken_away_is_found(place: Place) -> None:
    sql(place.url, "DELETE FROM heads")
    assert "head is missing" in first(place.journal.verify()).what


def test_rows_of_two_services_swapped(place: Place) -> None:
    fill(place.journal, "pay", 3)
    sql(
        place.url,
        "UPDATE events SET service = 'tmp' WHERE service = 'shop' AND seq = 2",
        "UPDATE events SET service = 'shop' WHERE service = 'pay' AND seq = 2",
        "UPDATE events SET service = 'pay' WHERE service = 'tmp'",
    )
    assert [(f.service, f.seq) for f in place.journal.verify()] == [("pay", 2), ("shop", 2)]


def test_whole_chains_of_two_services_swapped(place: Place) -> None:
    fill(place.journal, "pay", ROWS)
    for table in ("events", "heads"):
        sql(
            place.url,
            f"UPDATE {table} SET service = 'tmp' WHERE service = 'shop'",
            f"UPDATE {table} SET service = 'shop' WHERE service = 'pay'",
            f"UPDATE {table} SET service = 'pay' WHERE service = 'tmp'",
        )
    assert [(f.service, f.seq) for f in place.journal.verify()] == [("pay", 1), ("shop", 1)]


# What a chain alone cannot see: the forger computes every hash anew and sets the head to match.


def test_tail_cut_with_its_head_is_seen_by_the_signed_heads_only(place: Place) -> None:
    forge(place.url, "shop", lambda rows: rows[:4])
    assert place.journal.verify() == [], "the chain alone is whole"
    report = place.audit()
    assert [(f.service, f.seq) for f in report.findings] == [("shop", 5)]
    assert report.exit_status == BROKEN


def test_everything_written_anew_is_seen_by_the_signed_heads_only(place: Place) -> None:
    forge(place.url, "shop", lambda rows: [rows[0]._replace(actor="eve"), *rows[1:]])
    assert place.journal.verify() == [], "the chain alone is whole"
    assert [(f.service, f.seq) for f in place.audit().findings] == [("shop", 1)]


def test_rewriting_after_a_signed_head_names_the_rows_after_it(place: Place) -> None:
    forge(place.url, "shop", lambda rows: [*rows[:4], rows[4]._replace(actor="eve"), *rows[5:]])
    [finding] = place.audit().findings
    assert finding.seq == 4, "the head at row 3 still holds, the one at row 5 does not"
    assert "rows 4 to 5" in finding.what


def test_service_wiped_out_is_seen_by_the_signed_heads_only(place: Place) -> None:
    sql(place.url, "DELETE FROM events", "DELETE FROM heads")
    assert place.journal.verify() == []
    assert [(f.service, f.seq) for f in place.audit().findings] == [("shop", 1)]


def test_what_is_newer_than_the_newest_signature_is_not_vouched_for_and_the_report_says_so(place: Place) -> None:
    [service] = place.audit().services
    assert (service.rows, service.signed_seq, service.unsigned_rows, service.heads) == (ROWS, 5, 3, 2)
    assert place.audit().exit_status == WHOLE
    forge(place.url, "shop", lambda rows: rows[:5])
    assert place.audit().findings == (), "a limit of the method, stated in the witness"


# The witness looks on while it happens.


@pytest.mark.parametrize(
    ("how", "seq", "word"),
    [("rewritten", 5, "rewritten"), ("cut", 5, "missing"), ("wiped", 5, "missing"), ("edited", 7, "edited")],
)
def test_witness_does_not_sign_what_does_not_go_on_from_its_last_head(
    place: Place, how: str, seq: int, word: str
) -> None:
    if how == "wiped":
        sql(place.url, "DELETE FROM events", "DELETE FROM heads")
    elif how == "edited":
        sql(place.url, "UPDATE events SET actor = 'eve' WHERE seq = 7")
    else:
        change = (lambda rows: rows[:2]) if how == "cut" else (lambda rows: [rows[0]._replace(actor="eve"), *rows[1:]])
        forge(place.url, "shop", change)
    before = place.store.lines("heads/shop")
    witness = Witness(place.journal, place.store, place.key, every=0)
    assert witness.look() == []
    assert witness.look() == []
    assert place.store.lines("heads/shop") == before
    [alarm] = place.audit().alarms
    assert (alarm["service"], alarm["seq"]) == ("shop", seq)
    assert word in alarm["what"]


def test_alarm_stays_in_the_report_when_the_journal_is_put_right_again(place: Place) -> None:
    sql(place.url, "UPDATE events SET actor = 'eve' WHERE seq = 7")
    assert place.sign() == []
    sql(place.url, "UPDATE events SET actor = 'ada' WHERE seq = 7")
    assert place.sign() == [ROWS]
    report = place.audit()
    assert (report.findings, len(report.alarms), report.exit_status) == ((), 1, BROKEN)


def test_witness_raises_an_alarm_once_for_each_thing_that_is_wrong(place: Place) -> None:
    witness = Witness(place.journal, place.store, place.key, every=0)
    for seq in (7, 6):
        sql(place.url, f"UPDATE events SET actor = 'eve' WHERE seq = {seq}")
        witness.look()
        witness.look()
    assert [alarm["seq"] for alarm in place.audit().alarms] == [7, 6]


# The store of the signed heads is tampered with.


def _lines(place: Place) -> tuple[Path, list[str]]:
    path = place.store.root / "heads" / "shop.jsonl"
    return path, path.read_text().splitlines()


def test_signed_head_that_is_edited(place: Place) -> None:
    path, lines = _lines(place)
    lines[1] = lines[1].replace('"seq":5', '"seq":4')
    path.write_text("\n".join(lines) + "\n")
    [finding] = place.audit().findings
    assert (finding.service, "line 2 has a bad signature" in finding.what) == ("shop", True)


def test_signed_head_that_is_signed_by_another(place: Place) -> None:
    path, lines = _lines(place)
    record = json.loads(lines[1])
    record.pop("signature")
    forged = SigningKey.generate().sign({**record, "seq": 8})
    path.write_text("\n".join([lines[0], json.dumps(forged, sort_keys=True, separators=(",", ":"))]) + "\n")
    assert "line 2 has a bad signature" in place.audit().findings[0].what


@pytest.mark.parametrize("kept", [[1], [1, 0]], ids=["taken out", "moved"])
def test_signed_heads_taken_out_or_moved(place: Place, kept: list[int]) -> None:
    path, lines = _lines(place)
    path.write_text("".join(lines[n] + "\n" for n in kept))
    assert "line 1 does not follow" in place.audit().findings[0].what


def test_signed_heads_of_another_service(place: Place) -> None:
    fill(place.journal, "pay", 3)
    path, lines = _lines(place)
    path.with_name("pay.jsonl").write_text("\n".join(lines) + "\n")
    assert [(f.service, "is of shop" in f.what) for f in place.audit().findings] == [("pay", True)]


@pytest.mark.parametrize("line", ["", "null", "{}", '{"type":"head"}', "\x00\xff", '{"type":"head","seq":"1"}'])
def test_line_that_is_no_signed_head(place: Place, line: str) -> None:
    path, lines = _lines(place)
    path.write_text("\n".join([*lines, line]) + "\n")
    assert "line 3 cannot be read" in place.audit().findings[0].what


def test_public_key_replaced(place: Place) -> None:
    other = SigningKey.generate()
    place.store.publish("witness.pem", other.public.pem)
    assert "not the trusted one" in place.audit().findings[0].what
    unpinned = audit(place.journal, place.store)
    assert not unpinned.key_pinned
    assert "bad signature" in unpinned.findings[0].what


def test_public_key_and_heads_taken_away(place: Place) -> None:
    for path in place.store.root.rglob("*"):
        path.unlink() if path.is_file() else None
    report = audit(place.journal, place.store)
    assert (report.findings, report.exit_status) == ((), UNVOUCHED)
    assert audit(place.journal, None).exit_status == UNVOUCHED


def test_public_key_taken_away(place: Place) -> None:
    (place.store.root / "witness.pem").unlink()
    report = audit(place.journal, place.store)
    assert "no public key" in report.findings[0].what


def test_alarm_edited(place: Place) -> None:
    sql(place.url, "UPDATE events SET actor = 'eve' WHERE seq = 7")
    place.sign()
    path = place.store.root / "alarms.jsonl"
    path.write_text(path.read_text().replace('"seq":7', '"seq":8'))
    sql(place.url, "UPDATE events SET actor = 'ada' WHERE seq = 7")
    report = place.audit()
    assert report.alarms == ()
    assert "alarm in line 1 has a bad signature" in report.findings[0].what


def test_forged_chains_are_forged_well(place: Place) -> None:
    """The forger of these tests leaves the honest chain as it is, so that what is found is what was changed."""
    before = place.journal.events("shop")
    forge(place.url, "shop", lambda rows: rows)
    assert place.journal.events("shop") == before
    assert place.journal.head("shop").lease == lease("shop-promotion-1")
