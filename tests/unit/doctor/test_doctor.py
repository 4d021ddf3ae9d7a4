"""Everything is there and the doctor has nothing to mend; then one thing after the other is taken away."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from tests.support.policies import ROOT, changed
from tidegate.cli import main
from tidegate.cli.doctor import look, words
from tidegate.cli.exit_codes import ExitCode
from tidegate.doctor import software
from tidegate.doctor.finding import Finding, Level, warn
from tidegate.doctor.policies import policies
from tidegate.engine.readiness import KEY, ROW, Readiness
from tidegate.engine.readiness_item import Item, State
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.policy.folder import load_folder

RELEASE = {"version": "1.0.0", "digest": "sha256:1", "sequence": 1}


@dataclass
class Site:
    """A service on memory drivers with all that the doctor asks for, but Airflow and a witness."""

    root: Path
    patch: pytest.MonkeyPatch

    @property
    def policy(self) -> Path:
        return self.root / "policies" / "pay.yaml"

    @property
    def database(self) -> Path:
        return self.root / "journal.sqlite"

    def write(self, *changes: tuple[str, str]) -> None:
        self.policy.parent.mkdir(exist_ok=True)
        self.policy.write_text(changed(*changes))

    def beat(self, ttl: float = 1e6) -> None:
        journal = Journal(f"sqlite:///{self.database}")
        journal.beat("pay", "guard", ttl=ttl, body={})
        journal.close()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    made = Site(tmp_path, monkeypatch)
    made.write()
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(made.policy.parent))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{made.database}")
    for name in ("TIDEGATE_HEADS", "TIDEGATE_AIRFLOW_URL", "AIRFLOW__SECRETS__BACKEND", "TIDEGATE_JOURNAL_FILE"):
        monkeypatch.delenv(name, raising=False)
    journal = Journal(f"sqlite:///{made.database}")
    journal.migrate()
    with journal.locked("pay") as txn:
        txn.append(EventKind.BASELINE_CERTIFIED, {"release": RELEASE, "slot": "a"}, actor="ann")
    journal.close()  # nothing is left to be written later
    made.beat()
    return made


def told(check: str) -> list[Finding]:
    """What is not well, of that kind; every such line says why it matters and how it is mended."""
    found = [f for f in look() if f.level is not Level.OK]
    assert all(f.why and f.mend for f in found), found
    return [f for f in found if f.check == check]


def files(root: Path) -> dict[Path, bytes]:
    """All but SQLite's own shared memory and its log, which readers open too."""
    beside = (".sqlite-shm", ".sqlite-wal")
    return {p: p.read_bytes() for p in root.rglob("*") if p.is_file() and p.suffix not in beside}


def test_where_all_is_there_nothing_is_missing(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(site.root)
    assert main(["doctor"]) == ExitCode.OK, capsys.readouterr().out
    said = capsys.readouterr().out
    assert ", 3 warnings, 0 missing; nothing was changed" in said
    assert said.startswith("tidegate 0.1.0, journal revision 0001, policy format 1\n")
    assert "pay: usable; lint has no errors or warnings\n" in said
    assert f"journal: {site.database}, revision 0001" in said
    assert "warn     witness: no store of signed heads is set" in said
    assert files(site.root) == before


def test_notes_of_lint_are_counted() -> None:
    folder = ROOT / "dags" / "policies"
    (found,) = policies(folder, load_folder(folder, folder / "nosuch", record=False))
    assert found.says == "shop: usable; lint has no errors or warnings (4 notes)"


def test_one_warning_is_one() -> None:
    assert list(words([warn("disk", "little", "why", "mend")]))[-1] == "0 ok, 1 warning, 0 missing; nothing was changed"


def test_json_and_exit_code_are_for_scripts(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.policy.unlink()
    assert main(["doctor", "--json"]) == ExitCode.REFUSED
    findings = json.loads(capsys.readouterr().out)["findings"]
    (missing,) = (f for f in findings if f["level"] == "missing")
    assert (missing["check"], missing["mend"]) == ("policy", "tidegate init")


def test_an_unknown_service_suggests_the_likely_one(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "pya"]) == ExitCode.REFUSED
    assert "did you mean 'pay'?" in capsys.readouterr().err


def no_journal(site: Site) -> None:
    site.database.unlink()


def no_tables(site: Site) -> None:
    site.database.unlink()
    sqlite3.connect(site.database).close()


def no_trigger(site: Site) -> None:
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TRIGGER events_no_delete")


def edited(site: Site) -> None:
    with sqlite3.connect(site.database) as connection:
        connection.execute("DROP TRIGGER events_no_update")
        connection.execute("UPDATE events SET actor = 'eve'")


def future(site: Site) -> None:
    Journal(f"sqlite:///{site.database}", clock=lambda: time.time() + 60).beat("pay", "guard", ttl=3, body={})


def real_router(site: Site) -> None:
    site.write(
        ("traffic: {kind: memory}", "traffic: {kind: envoy, admin: 'conn://edge', routes: r, session_cookie: s}")
    )


def no_releases(site: Site) -> None:
    site.write(("artifacts: {kind: memory}", "artifacts: {kind: directory, path: releases, threshold: 2}"))


def starved(site: Site) -> None:
    site.write(("5%: {requests: 100}", "5%: {requests: 100000000}"))


TAKEN: dict[str, tuple[Callable[[Site], None], str, Level, str, str]] = {
    "policy broken": (
        lambda s: s.write(("alpha: 1%", "alhpa: 1%")),
        "policy",
        Level.MISSING,
        "alpha is missing",
        "tidegate lint",
    ),
    "a gate that starves": (starved, "policy", Level.MISSING, "gives up after", "tidegate lint"),
    "no journal": (no_journal, "journal", Level.MISSING, "", "tidegate adopt"),
    "no tables": (no_tables, "journal", Level.MISSING, "", "tidegate adopt"),
    "no trigger": (no_trigger, "append-only", Level.MISSING, "events_no_delete is gone", "restore"),
    "a row was edited": (edited, "chain", Level.MISSING, "pay row 1", "tidegate audit verify"),
    "a clock that is behind": (future, "clock", Level.MISSING, "in the future", "chronyc"),
    "guard gone": (lambda s: s.beat(-5), "guard", Level.MISSING, "its last beat ran out", "tidegate guard pay"),
    "no connection": (real_router, "connection", Level.MISSING, "edge is not defined", "AIRFLOW_CONN_EDGE"),
    "no driver without it": (real_router, "driver", Level.MISSING, "'edge'", "AIRFLOW_CONN_EDGE"),
    "no releases": (no_releases, "driver", Level.MISSING, "artifacts", ""),
    "no keys": (no_releases, "signing keys", Level.MISSING, "index and keys", ""),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_away_is_told_with_its_remedy(site: Site, name: str) -> None:
    take, check, level, says, mend = TAKEN[name]
    assert told(check) == []
    take(site)
    found = told(check)
    assert found, f"{name}: not told"
    assert found[0].level is level
    assert says in found[0].says, found[0].says
    assert mend in found[0].mend, found[0].mend


def test_no_baseline_is_told_with_the_command_that_adopts(site: Site) -> None:
    site.database.unlink()
    Journal(f"sqlite:///{site.database}").migrate()
    (found,) = told("baseline")
    assert "tidegate adopt pay VERSION" in found.mend


def test_heads_that_nobody_signs_are_told(site: Site) -> None:
    site.patch.setenv("TIDEGATE_HEADS", str(site.root / "heads"))
    missing = [f for f in told("witness") if f.level is Level.MISSING]
    assert "1 rows are not signed; last never" in missing[0].says


def test_an_address_is_never_said(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    real_router(site)
    site.patch.setenv("AIRFLOW_CONN_EDGE", "http://me:hunter2@127.0.0.1:1/")
    assert main(["doctor"]) == ExitCode.REFUSED
    said = capsys.readouterr()
    assert "pay: traffic" in said.out, "it resolves, and nothing answers there"
    assert "hunter2" not in said.out + said.err


@contextmanager
def airflow(dags: dict[str, bool], connections: tuple[str, ...] = ()) -> Iterator[str]:
    """As much of Airflow's API as is asked; ``dags``: id -> whether it is paused."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self._answer({"access_token": "t"})

        def do_GET(self) -> None:
            kind, _, name = self.path.removeprefix("/api/v2/").partition("/")
            if kind == "dags" and name in dags:
                self._answer({"dag_id": name, "is_paused": dags[name]})
            elif kind == "connections" and name in connections:
                self._answer({"connection_id": name})
            else:
                self._answer({"detail": "there is none"}, 404)

        def _answer(self, value: object, status: int = 200) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(value).encode())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def asked(site: Site, url: str) -> None:
    for name, value in {"URL": url, "USER": "ann", "PASSWORD": "secret"}.items():
        site.patch.setenv(f"TIDEGATE_AIRFLOW_{name}", value)


def test_dags_that_are_there_and_not_paused(site: Site) -> None:
    with airflow({"promote__pay": False, "rollback__pay": False}) as url:
        asked(site, url)
        assert told("airflow") == []


def test_dags_that_are_paused_or_not_there(site: Site) -> None:
    with airflow({"rollback__pay": True}) as url:
        asked(site, url)
        paused, gone = told("airflow")
    assert (paused.level, paused.mend) == (Level.MISSING, "airflow dags unpause rollback__pay")
    assert "promote__pay is not there" in gone.says


def test_an_airflow_that_is_away_is_told_once(site: Site) -> None:
    asked(site, "http://127.0.0.1:1")
    (found,) = told("airflow")
    assert "does not answer" in found.says


def test_a_connection_that_only_airflows_database_holds(site: Site) -> None:
    real_router(site)
    with airflow({"promote__pay": False, "rollback__pay": False}, ("edge",)) as url:
        asked(site, url)
        (found,) = told("connection")
    assert (found.level, "only Airflow's metadata database" in found.says) == (Level.WARN, True)


def test_software_that_is_missing_or_another(site: Site) -> None:
    def installed(name: str) -> str:
        if name == "apache-airflow":
            raise PackageNotFoundError(name)
        if name == "alembic":
            raise PackageNotFoundError(name)
        return "0.0.1" if name == "psycopg" else "999"

    found = {f.check: f for f in software.software(installed)}
    assert found["apache-airflow"].level is Level.WARN, "break-glass does without"
    assert found["alembic"].level is Level.MISSING
    assert found["psycopg"].level is Level.WARN
    assert found["psycopg"].mend == "pip install 'psycopg==3.3.9'"


@pytest.mark.parametrize(("free", "level"), [(10**12, Level.OK), (5 * 10**8, Level.WARN), (10**6, Level.MISSING)])
def test_room_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level) -> None:
    usage = software.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(software.shutil, "disk_usage", lambda _: usage._replace(free=free))
    assert software.disk(tmp_path / "not" / "there").level is level


def test_an_address_without_anybodys_name_is_no_fault(site: Site) -> None:
    """So var/lab/env leaves it: whoever asks Airflow says who that is."""
    site.patch.setenv("TIDEGATE_AIRFLOW_URL", "http://127.0.0.1:1")
    (found,) = told("airflow")
    assert (found.level, found.says) == (Level.WARN, "pay: not asked")
    site.patch.setenv("TIDEGATE_AIRFLOW_USER", "ann")
    assert next(f.level for f in told("airflow")) is Level.MISSING


def readiness_of(site: Site, *items: tuple[str, State]) -> None:
    """The newest answer of readiness, as it is kept."""
    told = [Item(what, state, "seen", "" if state is State.READY else "mend it") for what, state in items]
    found = Readiness(time.time(), tuple(told))
    journal = Journal(f"sqlite:///{site.database}")
    journal.put_evidence("pay", ROW, KEY, found.to_json())
    journal.close()


def test_it_shows_readiness_item_by_item_and_what_never_was_as_never(site: Site) -> None:
    assert "never asked" in told("readiness")[0].says
    readiness_of(site, ("replication", State.READY), ("drill", State.NEVER), ("lag", State.NOT_READY))
    shown = {f.says: f.level for f in look() if f.check == "readiness"}
    assert shown == {
        "pay replication: seen": Level.OK,
        "never: pay drill: seen": Level.WARN,
        "pay lag: seen": Level.MISSING,
    }
    assert {f.mend for f in told("readiness")} == {"mend it"}
