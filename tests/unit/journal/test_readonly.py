"""A file that nobody has open is read as it stands, and only if it did stand still."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.support.journal import fill
from tidegate.errors import JournalUnreachable
from tidegate.journal import readonly, rows
from tidegate.journal.model import EventKind, Head
from tidegate.journal.store import Journal


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A journal at rest, and a reader who may not make files beside it (root may, so it is refused by hand)."""
    url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    journal = Journal(url)
    journal.migrate()
    fill(journal)
    journal.close()
    really = readonly._open

    def refused(path: Path, options: str, *more):
        if "immutable" not in options:
            raise sqlite3.OperationalError("unable to open database file")
        return really(path, options, *more)

    monkeypatch.setattr(readonly, "_open", refused)
    return url


def test_file_at_rest_is_read(url: str) -> None:
    reader = Journal(url, read_only=True)
    assert reader.head("shop").seq == 8
    assert reader.verify() == []


def test_file_with_a_writer_is_not(url: str) -> None:
    writer = Journal(url)
    fill(writer, "pay")
    with pytest.raises(JournalUnreachable, match="unable to open"):
        Journal(url, read_only=True).head("shop")
    writer.close()
    assert Journal(url, read_only=True).head("pay").seq == 8


@pytest.mark.parametrize("leaves", [True, False], ids=["and leaves", "and stays"])
def test_what_was_read_while_a_writer_came_does_not_count(
    url: str, monkeypatch: pytest.MonkeyPatch, leaves: bool
) -> None:
    writer = Journal(url)
    really = rows.to_head

    def a_writer_comes(found) -> Head:
        monkeypatch.setattr(rows, "to_head", really)
        with writer.locked("shop") as txn:
            txn.append(EventKind.NOTE, {}, actor="ada")
        if leaves:
            writer.close()
        return really(found)

    reader = Journal(url, read_only=True)
    monkeypatch.setattr(rows, "to_head", a_writer_comes)
    with pytest.raises(JournalUnreachable, match="a writer came"):
        reader.verify()
