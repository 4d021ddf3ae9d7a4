"""Configuration and secrets go with their release, forward and back; every read of a secret has a row."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, roll_back
from tidegate.drivers.vault import Secret, not_there
from tidegate.errors import EffectError, Rejected, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.model.release import SecretVersion
from tidegate.model.topology import Arm, Slot
from tidegate.report.document import operation_document

OLD, NEW = SecretVersion("receipt_key", "1"), SecretVersion("receipt_key", "2")
SETTINGS = {
    "1.0.0": {"configuration": b'{"delivery_days": 3}', "secrets": {"receipt_key": "1"}},
    "1.1.0": {"configuration": b'{"delivery_days": 2}', "secrets": {"receipt_key": "2"}},
}


@dataclass
class TestVault:
    """``fault``: raised instead of an answer."""

    __test__ = False
    values: dict[SecretVersion, str] = field(default_factory=lambda: {OLD: "opal-otter-51", NEW: "ruby-raven-72"})
    fault: EffectError | None = None
    reads: list[SecretVersion] = field(default_factory=list)

    def __call__(self, which: SecretVersion) -> Secret:
        if self.fault is not None:
            raise self.fault
        if which not in self.values:
            raise not_there(which)
        self.reads.append(which)
        return Secret(which, self.values[which])


def rows(rig: Rig) -> list[tuple[str, str, str, str, tuple[str, ...]]]:
    events = rig.world.journal.events("shop", kinds={EventKind.SECRET_READ})
    assert all(e.actor == "test" and e.operation for e in events)
    return [
        (e.body["name"], e.body["version"], e.body["node"], e.body["purpose"], tuple(e.body["regions"])) for e in events
    ]


def operation_document_of(rig: Rig, operation: str) -> dict[str, Any]:
    return operation_document(rig.world.journal, "shop", operation, rig.clock.now())


def sealed(rig: Rig, slot: Slot) -> list[str]:
    return sorted({v for region in ("east", "west") for v in rig.compute.sealed(Arm(region, slot)).values()})


def test_a_promotion_takes_the_new_secret_and_a_rollback_brings_the_old_one_back(tmp_path: Path) -> None:
    vault = TestVault()
    rig = build(tmp_path, settings=SETTINGS, vault=vault)
    view = promote(rig, "1.1.0")
    assert sealed(rig, Slot.B) == ["ruby-raven-72"]
    assert rows(rig) == [
        ("receipt_key", "2", "admit.verify", "admission", ("east", "west")),
        ("receipt_key", "2", "wave-1.deploy", "deployment", ("east",)),
        ("receipt_key", "2", "wave-2.deploy", "deployment", ("west",)),
    ]

    told = [e["words"] for e in operation_document_of(rig, view.id)["log"] if e["kind"] == "secret_read"]
    assert told[1] == "secret receipt_key in version 2, for deployment in east"

    roll_back(rig, "1.0.0")

    state = rig.compute.observe(Arm("east", Slot.A))
    assert all(i.runs(rig.releases["1.0.0"]) for i in state.instances)
    assert sealed(rig, Slot.A) == ["opal-otter-51"]
    assert sealed(rig, Slot.B) == ["ruby-raven-72"], "the release that was left is parked as it was"
    files = rig.world.estate.artifacts.fetch(rig.releases["1.0.0"])
    assert json.loads((files / "config.json").read_text()) == {"delivery_days": 3}


def test_a_way_back_to_a_slot_that_is_kept_warm_needs_no_vault(tmp_path: Path) -> None:
    vault = TestVault()
    rig = build(tmp_path, settings=SETTINGS, vault=vault)
    promote(rig, "1.1.0")
    vault.fault = Unreachable("the vault is away")

    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (None, "is not in the vault"),
        (Unreachable("the vault is away"), "the vault is away"),
        (Rejected("the vault says no"), "the vault says no"),
    ],
)
def test_a_secret_that_cannot_be_had_ends_a_promotion_before_any_effect(
    tmp_path: Path, fault: EffectError | None, why: str
) -> None:
    vault = TestVault()
    rig = build(tmp_path, settings=SETTINGS, vault=vault)
    del vault.values[NEW]
    vault.fault = fault

    view = promote(rig, "1.1.0")

    assert (view.outcome, rig.effects()) == (Outcome.REFUSED, [])
    assert why in view.failures["admit.verify"]
    assert rows(rig) == []


def test_a_baseline_whose_secret_is_gone_is_refused_before_any_effect(tmp_path: Path) -> None:
    """Its slot runs it no more, so the secret would be needed."""
    vault = TestVault()
    rig = build(tmp_path, settings=SETTINGS, vault=vault)
    promote(rig, "1.1.0")
    promote(rig, "1.2.0")
    rig.effects_log().clear()
    del vault.values[OLD]

    view = roll_back(rig, "1.0.0")

    assert (view.outcome, rig.effects()) == (Outcome.REFUSED, [])
    assert "receipt_key in version 1 is not in the vault" in view.failures["admit.target"]


def test_an_actor_that_was_superseded_gets_no_value(tmp_path: Path) -> None:
    """Somebody raises the epoch between the vault's answer and the row."""
    vault = TestVault()
    rig = build(tmp_path, settings=SETTINGS, vault=vault)

    def read(which: SecretVersion) -> Secret:
        with rig.world.journal.locked("shop") as txn:
            txn.raise_epoch()
            txn.append(EventKind.NOTE, {"why": "another actor"}, actor="test", operation=None)
        return vault(which)

    object.__setattr__(rig.world.estate.site, "vault", read)
    with pytest.raises(Exception, match="epoch"):
        promote(rig, "1.1.0")
    assert rows(rig) == []
    assert not any(e.family == "compute" for e in rig.effects())


def test_a_step_s_row_names_the_connections_that_its_process_resolved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_EAST", "http://lab:some-password@127.0.0.1:9001")
    rig = build(tmp_path)
    rig.world.estate.site.resolve("conn://shop_east")
    promote(rig, "1.1.0")
    (first, *_) = rig.world.journal.events("shop", kinds={EventKind.STEP_VERIFIED})
    assert first.body["connections"] == ["shop_east"]
