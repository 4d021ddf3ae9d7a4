"""The break-glass bundle: the same bytes from the same inputs, no secret, and enough to begin a failover from."""

from __future__ import annotations

import dataclasses
import json
import os
import tarfile
from pathlib import Path

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.moving import move, moving_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine import readiness
from tidegate.engine.readiness_bundle import FRESH_FOR, bundle_file, manifest_of
from tidegate.engine.readiness_item import Item
from tidegate.errors import Refused
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.model import EventKind
from tidegate.journal.privileges import Separation
from tidegate.journal.signing import SigningKey
from tidegate.journal.witness import Witness, publish
from tidegate.model.operation import OperationKind
from tidegate.policy.load import Loaded, load_policy, policy_digest
from tidegate.report.glass_bundle import FACTS, connections, contents, packed, refresh


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Memory drivers under the shop's real policy text; its own policy is what the text says."""
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml")
    made = build(tmp_path, moving_policy(synchronous="block"))
    world = dataclasses.replace(made.world, policy_digest=shop.digest)
    made.world, made.users.rate = world, 40.0
    move(made, OperationKind.REPROTECT)
    return made


@pytest.fixture
def loaded() -> Loaded:
    return load_policy(ROOT / "dags" / "policies" / "shop.yaml")


def test_the_same_inputs_are_the_same_bytes(rig: Rig, loaded: Loaded, tmp_path: Path) -> None:
    first = packed(contents(loaded, rig.world.journal, tmp_path, None))
    assert packed(contents(loaded, rig.world.journal, tmp_path, None)) == first
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, {"why": "x"}, actor="x")
    assert packed(contents(loaded, rig.world.journal, tmp_path, None)) != first, "the head has moved on"


def test_it_names_connections_and_holds_no_secret(
    rig: Rig, loaded: Loaded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for use in connections(loaded.policy):
        monkeypatch.setenv(use["variable"], "postgres://cat:hunter2@db.example/x")
    files = contents(loaded, rig.world.journal, tmp_path, None)
    assert {"name": "shop_db_east", "for": "database.regions.east", "variable": "AIRFLOW_CONN_SHOP_DB_EAST"} in (
        json.loads(files["connections.json"])
    )
    assert not [name for name, content in files.items() if b"hunter2" in content]


def test_the_newest_signed_head_and_its_key_are_in_it(rig: Rig, loaded: Loaded, tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "heads")
    key = SigningKey.generate()
    store.claim()
    publish(store, key, Separation("nobody", False, "a test"))
    Witness(rig.world.journal, store, key, clock=rig.clock.now).look(final=True)
    files = contents(loaded, rig.world.journal, tmp_path, store.root)
    found = json.loads(files["journal/head.json"])
    assert found["signed"]["hash"] == found["head"]["hash"] == rig.world.journal.head("shop").hash
    assert files["keys/witness.pem"] == key.public.pem
    assert files[FACTS].count(b"\n") >= 1


def test_from_the_bundle_alone_in_an_empty_folder(
    rig: Rig,
    loaded: Loaded,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file, empty = tmp_path / "shop.tar.gz", tmp_path / "empty"
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    assert main(["bundle", "shop", "--out", str(file)]) == ExitCode.OK
    capsys.readouterr()
    with tarfile.open(file) as archive:
        archive.extractall(empty)  # ours; Python before 3.11.4 knows no filter
    monkeypatch.chdir(empty)
    monkeypatch.setenv("TIDEGATE_POLICIES", str(empty / "policy"))
    monkeypatch.setenv("TIDEGATE_HOME", str(empty))
    assert main(["plan", "shop", "failover"]) == ExitCode.OK
    assert capsys.readouterr().out == (empty / "plans" / "failover.txt").read_text()
    bundled = load_policy(empty / "policy" / "shop.yaml")
    assert bundled.digest == policy_digest(loaded.policy)
    rig.database.kill("east")
    monkeypatch.setattr("tidegate.cli.moving.find_world", lambda service: rig.world)
    command = next(
        line.strip() for line in (empty / "RUNBOOK.md").read_text().splitlines() if "tidegate run failover" in line
    )
    words = command.replace("NAME", "cat").replace("WHY", "dark").split()[1:]
    assert main(words) == ExitCode.OK
    assert rig.database.writers() == ("west",)


def test_readiness_is_red_without_a_fresh_one(rig: Rig, loaded: Loaded, monkeypatch: pytest.MonkeyPatch) -> None:
    def item() -> Item:
        found = readiness.assess(rig.world, actor="test")
        return next(one for one in found.items if one.what == "break-glass bundle")

    home = rig.world.estate.site.root
    assert "there is no break-glass bundle" in item().why
    assert refresh(loaded, rig.world.journal, home, None) == ""
    file = bundle_file(home, "shop")
    os.utime(file, (rig.clock.at, rig.clock.at))
    assert item().ready, item().why
    os.utime(file, (rig.clock.at - FRESH_FOR - 1,) * 2)
    assert "old" in item().why
    os.utime(file, (rig.clock.at, rig.clock.at))
    rig.world = dataclasses.replace(rig.world, policy_digest="sha256:another")
    assert "another policy" in item().why
    assert "tidegate bundle shop" in item().do
    file.write_bytes(b"no archive")
    assert not item().ready


def test_what_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="is no break-glass bundle"):
        manifest_of(tmp_path)
