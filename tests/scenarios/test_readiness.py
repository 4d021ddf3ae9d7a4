"""Rollback readiness: green only where the last three baselines could really be gone back to; red says what to do."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import promote, small_policy
from tidegate.drivers.artifacts.memory import store_of
from tidegate.drivers.vault import Secret, Vault, not_there
from tidegate.engine import braking, readiness, readiness_back
from tidegate.engine.readiness import Readiness
from tidegate.engine.readiness_back import connections_of
from tidegate.engine.readiness_item import Item, State
from tidegate.errors import Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.release import SecretVersion
from tidegate.policy.schema import Driver, Policy
from tidegate.report.overview import service_document


def assess(rig: Rig) -> Readiness:
    return readiness.assess(rig.world, actor="test")


def stored() -> Policy:
    """The small policy, with the artifacts driver that the estate in memory has: it is connected anew."""
    policy = small_policy()
    drivers = policy.drivers.model_copy(update={"artifacts": Driver.model_validate({"kind": "memory"})})
    return policy.model_copy(update={"drivers": drivers})


def red(found: Readiness) -> list[Item]:
    return [item for item in found.items if item.state is State.NOT_READY]


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """1.0.0, 1.1.0 and 1.2.0 are baselines, 1.2.0 runs."""
    made = build(tmp_path, stored())
    promote(made, "1.1.0")
    promote(made, "1.2.0")
    return made


def test_green_with_each_region_away_in_turn(rig: Rig) -> None:
    rig.effects_log().clear()
    before = rig.world.journal.head("shop")
    found = assess(rig)
    assert found.ready
    files = [(item.of, item.away) for item in found.items if item.what == "files"]
    assert files == [(v, r) for v in ("1.2.0", "1.1.0", "1.0.0") for r in ("east", "west")]
    assert rig.effects() == []
    after = rig.world.journal.head("shop")
    assert (after.seq, after.lease) == (before.seq, before.lease), "an evaluation: no row of the chain, no lease"


def test_where_nothing_is_to_go_back_to_it_is_red(tmp_path: Path) -> None:
    (item,) = red(assess(build(tmp_path, stored())))
    assert (item.what, "promote a release" in item.do) == ("baselines", True)


def test_files_that_are_not_what_was_certified_are_red(rig: Rig) -> None:
    store_of(rig.world.estate.site).publish("1.1.0", 2, {"shop/version.txt": b"another"})
    found = red(assess(rig))
    assert {(item.what, item.of) for item in found} == {("files", "1.1.0")}
    assert "certified was" in found[0].why
    row = service_document(rig.world.journal, "shop", rig.clock.now())
    assert not row["readiness"]["ready"]
    assert any("it is not ready" in need for need in row["needs"])


def test_a_vetoed_baseline_does_not_count(rig: Rig) -> None:
    store_of(rig.world.estate.site).publish("1.1.0", 2, {"shop/version.txt": b"another"})
    braking.veto(rig.world, rig.releases["1.1.0"].digest, "1.1.0", person="ann", reason="a hole", actor="test")
    found = assess(rig)
    assert found.ready, "it is passed over, and the ones before it count"
    assert "1.1.0" not in {item.of for item in found.items}


def test_a_region_that_does_not_answer_is_told_as_the_other_ones_away(rig: Rig) -> None:
    rig.compute.faults.unreachable = Unreachable("its control does not answer")
    found = red(assess(rig))
    assert {item.what for item in found} == {"regions"}


def test_a_secret_version_that_is_gone_is_red_and_each_read_is_a_row(tmp_path: Path) -> None:
    held = {"receipt_key__1"}

    def vault(which: SecretVersion) -> Secret:
        if which.entry not in held:
            raise not_there(which)
        return Secret(which, "a-long-enough-value")

    read: Vault = vault
    settings = {"1.0.0": {"secrets": {"receipt_key": "1"}}}
    rig = build(tmp_path, stored(), settings=settings, vault=read)
    promote(rig, "1.1.0")
    before = len(rig.world.journal.events("shop", kinds={EventKind.SECRET_READ}))
    assert assess(rig).ready
    rows = rig.world.journal.events("shop", kinds={EventKind.SECRET_READ})[before:]
    assert [(row.body["name"], row.body["purpose"]) for row in rows] == [("receipt_key", "readiness")]
    held.clear()
    (item,) = red(assess(rig))
    assert (item.what, item.of) == ("secrets", "1.0.0")
    assert "receipt_key__1" in item.do


def test_flags_that_nobody_serves_any_more_are_red(rig: Rig) -> None:
    release = dataclasses.replace(rig.releases["1.1.0"], flags=("new_basket",))
    with pytest.raises(Exception, match="the policy has no driver for them"):
        readiness_back._flags(
            dataclasses.replace(rig.world, estate=dataclasses.replace(rig.world.estate, flags=None)), release
        )


def test_what_leads_to_a_region_is_known_by_its_connections(rig: Rig) -> None:
    assert connections_of(rig.world.policy, "east") == {
        f"shop_{what}east" for what in ("", "db_", "schema_", "dbadmin_", "power_", "replication_")
    }
    with pytest.raises(Unreachable, match="thought away"):
        readiness_back._cut(rig.world.estate.site.resolve, frozenset({"shop_east"}), "east")("conn://shop_east")
