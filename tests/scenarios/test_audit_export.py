"""A promotion's rows leave the house: verified offline with a public key and one small script. Tampering is named."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build, quick_policy
from tests.support.operations import promote
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.journal.chain import Row, row_hash
from tidegate.journal.headstore import PUBLIC_KEY, DirectoryStore
from tidegate.journal.model import EventKind
from tidegate.journal.signing import SigningKey
from tidegate.journal.witness import Separation, Witness, publish
from tidegate.model.canonical import canonical
from tidegate.policy.load import load_policy

SCRIPT = ROOT / "scripts" / "verify_audit.py"
Lines = list[dict[str, Any]]


class House:
    """A promotion, watched by a witness that signs whenever its clock has moved by five seconds."""

    def __init__(self, root: Path) -> None:
        roles = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.roles
        self.rig: Rig = build(root, quick_policy().model_copy(update={"roles": roles}))
        self.store, self.key = DirectoryStore(root / "heads"), SigningKey.generate()
        self.store.claim()
        publish(self.store, self.key, Separation("a", "b", "for a test"))
        self.witness = Witness(self.rig.world.journal, self.store, self.key, clock=self.rig.clock.now)
        self.witness.look()
        self.since = self.rig.clock.now() + 1
        self.rig.clock.sleep(5)
        self.rig.clock.ticks.append(lambda _: self.witness.look() and None)
        promote(self.rig, "1.1.0")
        self.rig.clock.sleep(1)
        self.until = self.rig.clock.now()
        self.sign()

    def sign(self) -> None:
        self.rig.clock.sleep(6)
        with self.rig.world.journal.locked("shop") as txn:
            txn.append(EventKind.NOTE, {"what": "later"}, actor="x")
        self.witness.look(final=True)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("house"))


@pytest.fixture
def at_home(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    root = house.rig.world.estate.site.root
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{root / 'journal.sqlite'}")
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_HOME", str(root))
    monkeypatch.setenv("TIDEGATE_HEADS", str(house.store.root))
    return house


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def exported(
    house: House, out: Path, *, since: float | None = None, until: float | None = None, by: str = "aud"
) -> int:
    span = ["--from", iso(house.since if since is None else since), "--to", iso(until or house.until)]
    return main(["audit", "export", "--service", "shop", *span, "--out", str(out), "--by", by])


def verified(house: House, file: Path, *asked: str) -> subprocess.CompletedProcess[str]:
    """By the script alone: without this package, and without anything of the journal."""
    command = [sys.executable, "-I", str(SCRIPT), str(file), "--key", str(house.store.root / PUBLIC_KEY), *asked]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, cwd=file.parent, env={})


def test_a_promotion_is_verified_offline(at_home: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    assert exported(at_home, file) == ExitCode.OK
    assert "scripts/verify_audit.py" in capsys.readouterr().out
    span = ("--service", "shop", "--from", iso(at_home.since), "--to", iso(at_home.until))
    done = verified(at_home, file, *span)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rows verify" in done.stdout
    assert "the range is whole" in done.stdout
    kinds = [json.loads(line).get("kind") for line in file.read_text().splitlines()]
    assert {"operation_opened", "operation_closed"} <= set(kinds)


@pytest.mark.parametrize("wrong", ["no key", "garbage", "no file"])
def test_what_cannot_be_read_is_a_slip_and_no_finding(house: House, tmp_path: Path, wrong: str) -> None:
    """1 means that something does not verify, and nothing else."""
    file, key = tmp_path / "audit.jsonl", tmp_path / "key.pem"
    if wrong != "no file":
        file.write_text("{}\n")
    if wrong != "no key":
        key.write_bytes((house.store.root / PUBLIC_KEY).read_bytes() if wrong == "no file" else wrong.encode())
    command = [sys.executable, "-I", str(SCRIPT), str(file), "--key", str(key)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env={})
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert str(file if wrong == "no file" else key) in done.stderr


def test_all_of_it_from_the_first_row(at_home: House, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    assert exported(at_home, file, since=0.0) == ExitCode.OK
    assert verified(at_home, file).returncode == 0


def test_what_nobody_has_signed_yet_is_said(at_home: House, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "audit.jsonl"
    assert exported(at_home, file, until=at_home.rig.clock.now() + 60) == ExitCode.OK
    assert "NOT VOUCHED FOR" in capsys.readouterr().out
    done = verified(at_home, file)
    assert (done.returncode, "NOT VOUCHED FOR" in done.stdout) == (3, True)


@pytest.mark.parametrize("person", ["cat", "ann", "pat", "vic", "nobody"])
def test_only_an_auditor_takes_rows_out(
    at_home: House, tmp_path: Path, person: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exported(at_home, tmp_path / "audit.jsonl", by=person) == ExitCode.NOT_AUTHORISED
    assert f"{person} may not audit on shop: that takes auditor" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_does_not_verify_is_not_exported(
    at_home: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "journal.sqlite"
    with sqlite3.connect(at_home.rig.world.estate.site.root / "journal.sqlite") as real, sqlite3.connect(copy) as other:
        real.backup(other)
        for (trigger,) in other.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            other.execute(f"drop trigger {trigger}")
        other.execute("update events set actor = 'somebody else' where seq = 7")
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{copy}")
    assert exported(at_home, tmp_path / "audit.jsonl") == ExitCode.CORRUPT
    assert "shop row 7: edited" in capsys.readouterr().err
    assert not (tmp_path / "audit.jsonl").exists()


def rows_of(lines: Lines) -> Lines:
    return [line for line in lines if line["type"] == "row"]


def heads_of(lines: Lines) -> Lines:
    return [line for line in lines if line["type"] == "head"]


def rechained(rows: Lines) -> None:
    """As a forger would: every hash after the change computed anew."""
    for before, row in zip([None, *rows], rows, strict=False):
        row["prev_hash"] = before["hash"] if before else row["prev_hash"]
        fields = {name: value for name, value in row.items() if name != "type"}
        row["hash"] = row_hash(row["prev_hash"], Row(**fields))


def row_changed(lines: Lines) -> Lines:
    rows_of(lines)[4]["actor"] = "somebody else"
    return lines


def row_changed_and_the_chain_forged(lines: Lines) -> Lines:
    rows_of(lines)[4]["actor"] = "somebody else"
    rechained(rows_of(lines))
    return lines


def row_cut_out(lines: Lines) -> Lines:
    lines.remove(rows_of(lines)[4])
    return lines


def tail_cut_off(lines: Lines) -> Lines:
    for row in rows_of(lines)[-3:]:
        lines.remove(row)
    lines[0]["last_row"] = rows_of(lines)[-1]["seq"]
    return lines


def tail_and_its_heads_cut_off(lines: Lines) -> Lines:
    last = rows_of(lines)[-3]["seq"]
    lines = [line for line in lines if line["type"] not in ("row", "head") or line["seq"] < last]
    lines[0]["last_row"] = rows_of(lines)[-1]["seq"]
    return lines


def head_forged(lines: Lines) -> Lines:
    heads_of(lines)[-1]["hash"] = "0" * 64
    return lines


def head_taken_out(lines: Lines) -> Lines:
    lines.remove(heads_of(lines)[2])
    return lines


def beginning_cut_off(lines: Lines) -> Lines:
    for row in rows_of(lines)[:3]:
        lines.remove(row)
    lines[0]["first_row"] = rows_of(lines)[0]["seq"]
    lines.remove(heads_of(lines)[0])
    return lines


def row_put_in_at_the_end(lines: Lines) -> Lines:
    last = rows_of(lines)[-1]
    more = {**last, "seq": last["seq"] + 1, "prev_hash": last["hash"]}
    lines.insert(lines.index(last) + 1, more)
    rechained([last, more])
    lines[0]["last_row"] = more["seq"]
    return lines


def _seq(n: int) -> Callable[[Lines], str]:
    return lambda lines: str(rows_of(lines)[n]["seq"])


Tampering = Callable[[Lines], Lines]


@pytest.mark.parametrize(
    ("tampering", "row", "says"),
    [
        (row_changed, _seq(4), "row {}: changed"),
        (row_changed_and_the_chain_forged, None, "rewritten, it is not the row whose head was signed"),
        (row_cut_out, _seq(4), "row {}: missing"),
        (tail_cut_off, None, "missing, its head was signed"),
        (tail_and_its_heads_cut_off, None, "NOT VOUCHED FOR: what follows row"),
        (head_forged, lambda lines: str(heads_of(lines)[-1]["seq"]), "head of row {}: forged"),
        (head_taken_out, lambda lines: str(heads_of(lines)[3]["seq"]), "head of row {}: it does not follow"),
        (beginning_cut_off, _seq(2), "row {}: missing"),
        (row_put_in_at_the_end, lambda lines: str(rows_of(lines)[-1]["seq"] + 1), "row {}: put in"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_each_tampering_is_named(
    at_home: House, tmp_path: Path, tampering: Tampering, row: Callable[[Lines], str] | None, says: str
) -> None:
    """The forger computes the file's own checksum anew as well."""
    file = tmp_path / "audit.jsonl"
    exported(at_home, file)
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    wanted = says.format(row(lines)) if row else says
    write(file, tampering(lines))
    done = verified(at_home, file)
    assert done.returncode in (1, 3)
    assert wanted in done.stdout + done.stderr


def write(file: Path, lines: Lines) -> None:
    texts = [canonical(line).decode() for line in lines[:-1]]
    sealed = hashlib.sha256("".join(f"{text}\n" for text in texts).encode()).hexdigest()
    file.write_text("\n".join([*texts, canonical({"type": "end", "sha256": sealed}).decode(), ""]))


def test_a_narrowed_range_is_not_the_one_that_was_asked_for(at_home: House, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    exported(at_home, file, since=at_home.since + 60)
    asked = ("--service", "shop", "--from", iso(at_home.since), "--to", iso(at_home.until))
    done = verified(at_home, file, *asked)
    assert done.returncode == 1
    assert "the file is about another from" in done.stderr
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    lines[0]["from"] = at_home.since
    write(file, lines)
    done = verified(at_home, file, *asked)
    assert done.returncode == 1
    assert "missing, row" in done.stderr
    assert "was not signed before the range begins" in done.stderr


def test_another_key_proves_nothing(at_home: House, tmp_path: Path) -> None:
    file, other = tmp_path / "audit.jsonl", tmp_path / "other.pem"
    exported(at_home, file)
    other.write_bytes(SigningKey.generate().public.pem)
    command = [sys.executable, "-I", str(SCRIPT), str(file), "--key", str(other)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, "forged" in done.stderr) == (1, True)


def test_torn_and_foreign_files_are_no_tracebacks(at_home: House, tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    exported(at_home, file)
    whole = file.read_text()
    for text in (
        "",
        "{}\n{}\n",
        whole[: len(whole) // 2],
        whole.replace('"type":"row"', '"type":"raw"', 1),
        "nonsense\n" * 3,
    ):
        file.write_text(text)
        done = verified(at_home, file)
        assert done.returncode == 1
        assert done.stderr.startswith("DOES NOT VERIFY"), done.stderr


def test_show_tells_who_did_what_and_on_what_evidence(at_home: House, capsys: pytest.CaptureFixture[str]) -> None:
    operation = next(e.operation for e in at_home.rig.world.journal.events("shop") if e.kind == "operation_opened")
    assert main(["audit", "show", "--service", "shop", "--operation", str(operation), "--to", "2100-01-01"]) == 0
    text = capsys.readouterr().out
    assert "cat: asked for a promotion (1.1.0): a test" in text
    assert "gate wave-1.gate-5 opened" in text
    assert "evidence digest: sha256:" in text
    assert "ended, promoted" in text
    assert main(["audit", "show", "--service", "shop", "--json", "--to", "2100-01-01"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert len(shown["rows"]) == at_home.rig.world.journal.head("shop").seq
    assert {"row", "who", "actor", "what", "rests_on", "body"} <= set(shown["rows"][0])
    assert main(["audit", "show", "--service", "shop", "--to", "2001-01-01"]) == 0
    assert "no rows in that range" in capsys.readouterr().out
    assert main(["audit", "show", "--service", "shop", "--from", "yesterday"]) == ExitCode.REFUSED


def test_a_kind_that_is_not_known_is_told_in_general_terms() -> None:
    from tidegate.report.trail import entries, lines

    body = canonical({"name": "pay-api", "version": "7", "person": "ann", "long": "x" * 200, "map": {}}).decode()
    row = Row("shop", 3, 1_800_000_000.0, "vault_opened", None, 1, "worker", None, body, 1, "0" * 64, "1" * 64)
    (entry,) = entries([row])
    assert (entry.who, entry.actor, entry.what) == ("ann", "worker", "vault opened, name pay-api, version 7")
    assert any("ann: vault opened" in line for line in lines([entry]))


def test_strict_fails_where_nobody_has_signed(tmp_path: Path, at_home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    assert main(["audit", "verify", "--strict"]) == ExitCode.OK
    monkeypatch.delenv("TIDEGATE_HEADS")
    assert main(["audit", "verify"]) == ExitCode.OK
    assert main(["audit", "verify", "--strict"]) == ExitCode.UNVOUCHED
