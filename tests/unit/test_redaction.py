"""Values that were read are kept out of texts and errors, however they are written there."""

from __future__ import annotations

import base64
import json
import secrets
import subprocess
import sys
import traceback
import urllib.parse
from pathlib import Path

import pytest

from tests.support.envoy import wait_until
from tests.support.marker import Search, disguises
from tidegate import redaction
from tidegate.drivers.credentials import parse_connection
from tidegate.drivers.vault import Secret, secret_from
from tidegate.errors import Refused, Rejected
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.release import SecretVersion

WHICH = SecretVersion("key", "1")


@pytest.fixture
def secret() -> str:
    return f'op+al/{secrets.token_urlsafe(9)}?%"x'


@pytest.mark.parametrize("before", ["", "a", "ab", "abc"])
@pytest.mark.parametrize("after", ["", "z", "yz"])
def test_the_search_finds_what_was_planted_and_redaction_takes_it_out(secret: str, before: str, after: str) -> None:
    """The two share no code: each would show a gap of the other."""
    raw = (before + secret + after).encode()
    planted = {
        "plain": raw.decode(),
        "base64": base64.b64encode(raw).decode(),
        "base64url": base64.urlsafe_b64encode(raw).decode(),
        "url": urllib.parse.quote(raw, safe=""),
        "form": urllib.parse.urlencode({"q": raw.decode()}),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "json": raw.decode().replace('"', '\\"'),
    }
    search = Search(secret)
    for name, text in planted.items():
        assert search.within(text.encode()), name
        Secret(WHICH, secret)
        shown = redaction.redact(f"it said {text}.")
        assert search.within(shown.encode()) == [], (name, shown)
        assert shown.startswith("it said ")


def test_every_encoding_is_found_in_a_file_and_in_arguments(secret: str, tmp_path: Path) -> None:
    search = Search(secret)
    for name, form in disguises(secret).items():
        (tmp_path / "log").write_bytes(b"before " + form + b" after")
        assert name in search.within((tmp_path / "log").read_bytes())
        assert search.in_files(tmp_path) == [tmp_path / "log"]
    waiting = subprocess.Popen([sys.executable, "-c", "input()", secret], stdin=subprocess.PIPE)
    try:
        wait_until(lambda: waiting.pid in search.in_processes(), "the argument found")
    finally:
        waiting.communicate(b"\n")
    (tmp_path / "log").write_bytes(b"nothing")
    assert (search.in_files(tmp_path), search.in_processes()) == ([], [])


def test_an_error_of_ours_comes_out_without_it(secret: str) -> None:
    parse_connection("shop_db", f"postgresql://shop:{urllib.parse.quote(secret, safe='')}@127.0.0.1/shop")
    error = Rejected(f"postgresql://shop:{secret}@127.0.0.1 said no", next_step=f"not {secret}")
    assert secret not in f"{error} {error!r} {error.message} {error.next_step} {error.args}"
    assert "postgresql://shop:" in error.message


def test_secret_extras_of_a_connection_are_kept_out_too(secret: str) -> None:
    parse_connection("aws", json.dumps({"conn_type": "aws", "extra": {"aws_secret_access_key": secret}}))
    assert secret not in str(Refused(f"sent {secret}"))


def test_somebody_else_s_error_is_cleansed_with_all_it_came_from(secret: str) -> None:
    Secret(WHICH, secret)
    try:
        try:
            raise ConnectionError(f"http://x:{secret}@host")
        except ConnectionError as lost:
            raise RuntimeError(f"giving up on {secret}") from lost
    except RuntimeError as error:
        redaction.cleanse(error)
        shown = "".join(traceback.format_exception(error))
    assert secret not in shown
    assert "giving up on" in shown
    assert "ConnectionError" in shown, "what it came from is still told"


def test_a_cause_that_cannot_be_rewritten_is_cut_off(secret: str) -> None:
    class Stubborn(Exception):
        def __str__(self) -> str:
            return f"no: {secret}"

    Secret(WHICH, secret)
    try:
        raise RuntimeError("giving up") from Stubborn()
    except RuntimeError as error:
        redaction.cleanse(error)
        assert secret not in "".join(traceback.format_exception(error))


def test_an_error_that_cannot_be_rewritten_is_replaced(secret: str) -> None:
    class Stubborn(Exception):
        def __str__(self) -> str:
            return f"no: {secret}"

    Secret(WHICH, secret)
    with pytest.raises(RuntimeError, match="Stubborn: no: •••") as caught, redaction.cleansed():
        raise Stubborn
    assert secret not in "".join(traceback.format_exception(caught.value))


def test_words_in_a_journal_row_lose_it_and_data_stays_as_it_is(secret: str, tmp_path: Path) -> None:
    Secret(WHICH, secret)
    journal = Journal(f"sqlite:///{tmp_path / 'journal.sqlite'}")
    journal.migrate()
    with journal.locked("shop") as txn:
        body = {"node": "a", "detail": f"it said {secret}", "readings": [{"why": [secret.encode().hex()]}]}
        txn.append(EventKind.NOTE, body, actor="test", operation=None)
    (row,) = journal.events("shop")
    assert row.body == {"node": "a", "detail": "it said •••", "readings": [{"why": ["•••"]}]}
    assert Search(secret).in_files(tmp_path) == []
    assert journal.verify("shop") == []
    assert redaction.scrub({"kind": secret}, frozenset({"why"})) == {"kind": secret}


def test_a_value_that_would_hide_ordinary_words_is_no_secret() -> None:
    redaction.remember("shop")
    assert redaction.redact("the shop") == "the shop"
    for value in (None, "", "short"):
        with pytest.raises(Refused, match="key__1"):
            secret_from(WHICH, value)


def test_neither_secret_nor_connection_shows_its_value(secret: str) -> None:
    found = parse_connection("x", f"http://u:{urllib.parse.quote(secret, safe='')}@host")
    assert found.password == secret
    assert secret not in f"{Secret(WHICH, secret)!r} {found!r}"


def test_a_value_that_begins_another_one_does_not_leave_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", {})
    redaction.remember("tide-water")
    redaction.remember("tide-water-and-ebb")
    assert redaction.redact("it is tide-water-and-ebb, not tide-water") == "it is •••, not •••"
