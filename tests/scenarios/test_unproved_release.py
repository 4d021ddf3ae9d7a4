"""2.0.0 with the proof switched off, its own scripts on a real PostgreSQL: the way back holds and says the exact next
command, a person runs it, and the operation comes to a clean end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.releases import RECIPES, shop_files
from lab.schema import create
from tests.contracts.test_migrations import alembic_bench
from tests.scenarios.test_migrations import REVISION, policy
from tests.support.estate import Rig, build
from tests.support.operations import now, open_promotion
from tests.support.postgres import database, server
from tidegate.checks.model import Status
from tidegate.engine.runner import Halt, drive
from tidegate.errors import Rejected
from tidegate.model.operation import OperationState, Outcome

pytestmark = pytest.mark.real
FILES = {r.version: shop_files(r) for r in RECIPES}
RELEASES: dict[str, dict[str, Any]] = {
    "1.0.0": {"content": FILES["1.0.0"], "schema_revision": "0001"},
    "1.1.0": {"content": FILES["2.0.0"], "schema_revision": "0004_notes"},
}


def rig_on(url: str, root: Path) -> Rig:
    built = build(root, policy(prove=False), settings=RELEASES)
    driver = alembic_bench(root, root, url).migrations
    built.world = replace(built.world, estate=replace(built.world.estate, migrations=driver))
    built.replace_guard()
    judge = built.checks.run

    def run(specs: Any, snapshot: Any, *, schema_revision: str = "") -> Any:
        wrong = schema_revision != driver.observe().revision
        built.checks.status[REVISION] = Status.VIOLATED if wrong else Status.PASSED
        return judge(specs, snapshot, schema_revision=schema_revision)

    built.checks.run = run  # type: ignore[method-assign]
    built.users.error_rate["1.1.0"] = {"checkout": 0.9}
    return built


def test_it_holds_with_the_exact_next_command_and_a_person_brings_it_to_a_clean_end(tmp_path: Path):
    with database() as url:
        create(url)
        built = rig_on(url, tmp_path)
        schema = built.world.estate.migrations
        view = open_promotion(built, "1.1.0")
        with pytest.raises((Halt, Rejected)) as caught:
            drive(built.world, view.id, actor="test")
        assert "create table order_notes_kept as table order_notes" in str(caught.value)
        assert "the schema is at 0004_notes, as before" in str(caught.value)
        held = now(built, view)
        assert held.state is OperationState.STOPPING
        assert schema.observe().revision == "0004_notes", "a downgrade that fails half-way is taken back whole"
        assert [(j.rung.value, j.then) for j in held.rungs] == [("traffic", "next"), ("release", "next")]

        server().execute("create table order_notes_kept as table order_notes", url.rpartition("/")[2])
        ended = drive(built.world, view.id, actor="test")
        assert ended.outcome is Outcome.ROLLED_BACK
        assert ended.stopped_at == "schema"
        assert schema.observe().revision == "0001"
