"""The catalog for people: what changed, whether and how it can be taken back, and when that was last done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, roll_back, small_policy
from tidegate.journal.model import EventKind
from tidegate.report.catalog import KINDS, catalog_document, catalog_lines


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return build(tmp_path, small_policy())


def entries(rig: Rig) -> list[dict[str, Any]]:
    return catalog_document("shop", rig.world.journal.events("shop", kinds=KINDS))


def test_an_entry_says_what_changed_and_the_exact_steps_back(rig: Rig) -> None:
    promote(rig, "1.1.0")
    (entry,) = entries(rig)
    before, after = rig.releases["1.0.0"], rig.releases["1.1.0"]
    assert entry["changed"] == [
        {"what": "version", "from": "1.0.0", "to": "1.1.0"},
        {"what": "files", "from": before.digest, "to": after.digest},
    ]
    assert entry["requested_by"] == "cat"
    assert entry["reversible"]["now"]
    assert entry["steps_back"][0] == "tidegate rollback shop --to 1.0.0 --preview"
    assert entry["steps_back"][1] == "tidegate rollback shop --to 1.0.0 --reason WHY --wait"
    assert entry["last_rehearsed"] is None
    text = "\n".join(catalog_lines("shop", [entry]))
    assert "1.0.0 -> 1.1.0  by cat: a test" in text
    assert "never: no rollback has gone this way yet" in text


def test_a_rollback_rehearses_the_way_back(rig: Rig) -> None:
    promote(rig, "1.1.0")
    gone = roll_back(rig, "1.0.0")
    (entry,) = entries(rig)
    assert entry["last_rehearsed"]["operation"] == gone.id
    assert (entry["last_rehearsed"]["from"], entry["last_rehearsed"]["to"]) == ("1.1.0", "1.0.0")


def test_behind_a_vetoed_baseline_there_is_no_way_back(rig: Rig) -> None:
    promote(rig, "1.1.0")
    with rig.world.journal.locked("shop") as txn:
        body = {"digest": rig.releases["1.0.0"].digest, "version": "1.0.0", "person": "ann", "why": "a hole"}
        txn.append(EventKind.RELEASE_VETOED, body, actor="ann")
    (entry,) = entries(rig)
    assert not entry["reversible"]["now"]
    assert "1.0.0 is vetoed" in "\n".join(catalog_lines("shop", [entry]))


def test_settings_secrets_and_flags_that_changed_are_named() -> None:
    from tidegate.report.catalog import _changed

    before = {"version": "1", "digest": "a", "configuration": "c1", "secrets": {"key": "1"}, "flags": ["old"]}
    after = {"version": "1", "digest": "a", "configuration": "c2", "secrets": {"key": "2"}, "flags": ["new"]}
    assert [(c["what"], c["from"], c["to"]) for c in _changed(before, after)] == [
        ("configuration", "c1", "c2"),
        ("secret key", "1", "2"),
        ("flag new", "", "declared"),
        ("flag old", "declared", ""),
    ]
