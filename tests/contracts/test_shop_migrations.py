"""The shop's own migrations and smoke tests, proved and rehearsed as a promotion does it, on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from lab.releases import RECIPES, SMOKE
from lab.schema import create, restore
from tests.contracts.test_migrations import alembic_bench
from tests.support.postgres import database
from tests.support.shop import release_files
from tidegate.drivers.migrations.contract import Act, SchemaState
from tidegate.drivers.token import Token
from tidegate.model.migration import Reversible

pytestmark = pytest.mark.real
BY_VERSION = {recipe.version: recipe for recipe in RECIPES}


def act(root: Path, version: str, mode: str) -> Act:
    return Act(version, mode, SMOKE, release_files(root / version, version))


def shopped_in(url: str) -> None:
    """Rows that the copy takes a sample of; what is written beside them must not get their numbers."""
    event = "insert into order_events (order_id, session_id, kind, quantity, total_cents, release)"
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        for _ in range(3):
            connection.execute(f"{event} values (gen_random_uuid(), 's1', 'placed', 1, 450, '1.0.0')")


def test_what_the_proof_says_of_each_release(tmp_path: Path):
    found: dict[str, list[tuple[str, Reversible]]] = {}
    with database() as url:
        create(url)
        for version in ("1.7.0", "2.0.0", "2.1.0"):
            files = release_files(tmp_path / version, version)
            proof = alembic_bench(tmp_path, files, url).migrations.prove(files, BY_VERSION[version].schema_revision, 10)
            found[version] = [(one.revision, one.reversible) for one in proof.revisions]
    assert found["1.7.0"] == [("0002", Reversible.YES)]
    assert found["2.0.0"] == [("0002", Reversible.YES), ("0003_notes", Reversible.NO), ("0004_notes", Reversible.YES)]
    assert found["2.1.0"] == [("0002", Reversible.YES)]


def test_the_release_before_reads_and_writes_on_the_expanded_schema_and_on_rows_of_the_new_one(tmp_path: Path):
    with database() as url:
        create(url)
        shopped_in(url)
        bench = alembic_bench(tmp_path, release_files(tmp_path / "1.7.0", "1.7.0"), url)
        acts = [
            act(tmp_path, *one)
            for one in (("1.7.0", "write"), ("1.0.0", "write"), ("1.0.0", "read"), ("1.7.0", "read"))
        ]
        acted = bench.migrations.rehearse(bench.files, "0002", acts, 100)
        assert [(str(a.act), a.passed, a.output) for a in acted] == [(str(one), True, "") for one in acts]
        assert bench.migrations.observe().revision == "0001"


def test_after_the_contract_the_release_before_cannot_place_an_order(tmp_path: Path):
    with database() as url:
        create(url)
        bench = alembic_bench(tmp_path, release_files(tmp_path / "2.1.0", "2.1.0"), url)
        acts = [act(tmp_path, *one) for one in (("2.1.0", "write"), ("1.0.0", "read"), ("1.0.0", "write"))]
        acted = bench.migrations.rehearse(bench.files, "0003_contract", acts, 100)
    assert [a.passed for a in acted] == [True, True, False]
    assert "gift" in acted[-1].output


def test_a_release_that_writes_what_the_one_before_does_not_know_is_found(tmp_path: Path):
    odd = release_files(tmp_path / "odd", "1.7.0")
    store = odd / "shop" / "store.py"
    store.write_text(store.read_text().replace("'placed'", "'wrapped'"))
    with database() as url:
        create(url)
        bench = alembic_bench(tmp_path, odd, url)
        acts = [Act("odd", "write", SMOKE, odd), act(tmp_path, "1.0.0", "read")]
        acted = bench.migrations.rehearse(odd, "0002", acts, 10)
    assert [a.passed for a in acted] == [True, False]
    assert "wrapped" in acted[-1].output


def test_the_lab_goes_back_to_its_first_schema(tmp_path: Path):
    with database() as url:
        create(url, "0003_contract")
        files = release_files(tmp_path / "2.1.0", "2.1.0")
        driver = alembic_bench(tmp_path, files, url).migrations
        create(url)
        assert driver.observe().revision == "0003_contract", "what is there is left alone"
        driver.migrate(files, "0001", Token(4, "op"), 2.0)
        restore(url)
        assert driver.observe() == SchemaState("0001", 0, "east")
