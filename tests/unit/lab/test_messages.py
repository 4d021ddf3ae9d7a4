"""The shop's messages: taken once by their key, and counted by the receiver's own record."""

from __future__ import annotations

import json
from pathlib import Path

from lab.inbox import Inbox, arrivals
from lab.story.messages import complaints, figures


def test_a_key_is_taken_once_also_by_a_receiver_that_was_started_again(tmp_path: Path) -> None:
    record = tmp_path / "inbox.jsonl"
    first = Inbox(record)
    assert first.receive("one", "3")
    assert not first.receive("one", "4")
    again = Inbox(record)
    assert not again.receive("one", "4")
    assert again.receive("two", "4")
    assert [(line["key"], line["epoch"], line["taken"]) for line in arrivals(record)] == [
        ("one", "3", True),
        ("one", "4", False),
        ("one", "4", False),
        ("two", "4", True),
    ]


def test_a_line_that_is_being_written_is_left_out(tmp_path: Path) -> None:
    record = tmp_path / "inbox.jsonl"
    assert arrivals(record) == []
    record.write_text(json.dumps({"key": "one"}) + "\n" + '{"key": "tw')
    assert [line["key"] for line in arrivals(record)] == ["one"]


def line(key: str, at: float, *, taken: bool = True, epoch: str = "3") -> dict[str, object]:
    return {"key": key, "at": at, "taken": taken, "epoch": epoch}


def test_what_is_said_of_a_run() -> None:
    record = [line("a", 10), line("a", 11, taken=False), line("b", 14, epoch="7"), line("not asked for", 12)]
    found = figures(["a", "b", "c"], record, since=9, until=15)
    assert (found["acknowledged"], found["arrived"], found["missing"]) == (3, 2, 1)
    assert (found["again"], found["taken_twice"], found["longest_pause"]) == (1, 0, 4)
    assert found["epochs"] == {"3": 1, "7": 1}
    assert list(complaints(found, most_lost=1)) == []
    assert list(complaints(found, most_lost=0)) == ["messages that never arrived: expected 0 at most, got 1"]
    assert list(complaints(None, most_lost=0)) == []


def test_a_message_that_was_taken_twice_is_complained_of() -> None:
    found = figures(["a"], [line("a", 10), line("a", 11)], since=9, until=12)
    assert list(complaints(found, most_lost=5)) == ["messages taken twice: expected 0, got 1"]
