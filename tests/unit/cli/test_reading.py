"""Commands that only read: where there is no journal they say so, and make none."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

from tests.support.policies import ROOT
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal

READING = [["status"], ["catalog"], ["audit", "show", "--service"]]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the journal would be; the policies are the repository's."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    for name in ("TIDEGATE_JOURNAL", "TIDEGATE_JOURNAL_FILE", "TIDEGATE_HEADS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "journal" / "journal.sqlite"


def made(file: Path, service: str = "shop") -> None:
    file.parent.mkdir()
    journal = Journal(f"sqlite:///{file}")
    journal.migrate()
    with journal.locked(service) as txn:
        release = {"version": "1.0.0", "digest": "sha256:1", "sequence": 1}
        txn.append(EventKind.BASELINE_CERTIFIED, {"release": release, "slot": "a"}, actor="ann")
    journal.close()


@pytest.mark.parametrize("command", READING)
def test_no_journal_is_told_and_none_is_made(
    command: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "shop"]) == ExitCode.JOURNAL
    said = capsys.readouterr().err
    assert f"there is no journal at {file}" in said
    assert "set TIDEGATE_JOURNAL or TIDEGATE_HOME (in the lab: set -a; . var/lab/env; set +a)" in said
    assert not file.parent.exists()
    file.parent.mkdir()
    assert main([*command, "shop"]) == ExitCode.JOURNAL
    assert not file.exists()


@pytest.mark.parametrize("command", READING)
def test_a_database_without_tables_stays_without(
    command: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.parent.mkdir()
    sqlite3.connect(file).close()
    file.touch()
    assert main([*command, "shop"]) == ExitCode.JOURNAL
    assert "it has no tables" in capsys.readouterr().err
    assert file.stat().st_size == 0


@pytest.mark.parametrize(
    ("revision", "says"), [("0000", "the first command that acts brings it up to date"), ("9999", "use that one")]
)
def test_another_revision_is_told_with_the_way_on(
    revision: str, says: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(file)
    with sqlite3.connect(file) as connection:
        connection.execute(f"update tidegate_journal_version set version_num = '{revision}'")
    assert main(["status", "shop"]) == ExitCode.JOURNAL
    said = capsys.readouterr().err
    assert f"is at revision {revision}" in said
    assert says in said


@pytest.mark.parametrize("command", READING)
def test_a_slip_in_the_name_is_told_with_the_likely_one(
    command: list[str], file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(file, "old-shop")
    assert main([*command, "shpo"]) == ExitCode.REFUSED
    assert "did you mean 'shop'?" in capsys.readouterr().err
    assert main([*command, "shop"]) == ExitCode.OK, "it has a policy"
    assert main([*command, "old-shop"]) == ExitCode.OK, "the journal knows it"


def test_status_says_where_it_reads(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made(file)
    assert main(["status", "shop"]) == ExitCode.OK
    assert f"read from:            {file}\n" in capsys.readouterr().out


def test_a_server_is_named_without_user_and_password() -> None:
    journal = Journal("postgresql://ann:hunter2@db.example.org/journal?sslmode=require")
    assert journal.place == "db.example.org:5432/journal"
    assert repr(journal) == "Journal(db.example.org:5432/journal)"


@pytest.mark.parametrize("command", ["schema", "exit-codes"])
def test_a_place_that_cannot_be_written_is_refused_in_words(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "-o", str(tmp_path / "nosuch" / "page")]) == ExitCode.REFUSED
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_the_version_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == ExitCode.OK
    assert capsys.readouterr().out == "tidegate 0.1.0, journal revision 0001, policy format 1\n"


@pytest.mark.parametrize("content", [None, b"garbage", "another kind"])
def test_a_key_that_is_none_is_the_auditors_slip(
    content: bytes | str | None, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made(file)
    key = tmp_path / "witness.pem"
    if content == "another kind":
        content = (
            generate_private_key(SECP256R1())
            .public_key()
            .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )
    if isinstance(content, bytes):
        key.write_bytes(content)
    assert main(["audit", "verify", "--key", str(key)]) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert str(key) in said
    assert "witness.pem, from a place that you trust" in said
