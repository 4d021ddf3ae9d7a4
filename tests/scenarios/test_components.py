"""A release of several components: only the guilty one goes back, the rest keep their digests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import Rig, build
from tests.support.operations import open_rollback, promote, roll_back, small_policy
from tidegate.drivers.token import Token
from tidegate.engine.after_promotion import FAILED, watched_release
from tidegate.engine.execute import run_step, step_world
from tidegate.engine.facts import FACT_KINDS, ServiceFacts, fold_facts
from tidegate.engine.guilty import back_to
from tidegate.engine.preview import preview_rollback
from tidegate.errors import Refused
from tidegate.guard.vigil import Alarm
from tidegate.guard.watch import Watch
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.model.topology import Arm
from tidegate.plan.settings import bound_settings
from tidegate.policy.schema import Bake, Policy
from tidegate.report.catalog import KINDS, catalog_document
from tidegate.report.overview import service_document
from tidegate.steps.contract import Known, Look, Standing
from tidegate.steps.verify_target import VERB as VERIFY_TARGET

BAKE = Bake.model_validate({"lasts": "1s", "requests": 3, "then_watch": "15m"})
COMPONENTS = {"sales": ("shop/sales.py",), "window": ("shop/window.py",)}
MIX = "1.1.0+sales@1.0.0"


def content(version: str) -> dict[str, bytes]:
    return {f"shop/{name}.py": f"{name} {version}".encode() for name in ("sales", "window", "rest")}


def policy_with_components(**changes: Any) -> Policy:
    """Checkouts are answered by ``sales``, everything else by ``window``."""
    policy = small_policy(**{"bake": BAKE, **changes})
    owners = {"checkout": "sales", "browse": "window"}
    endpoints = {n: e.model_copy(update={"component": owners.get(n)}) for n, e in policy.endpoints.items()}
    return policy.model_copy(update={"endpoints": endpoints})


def shop(tmp_path: Path, **changes: Any) -> tuple[Rig, list[Alarm]]:
    """1.0.0 runs, 1.1.0 is on offer, both of two components; the alarms of the guard."""
    given = {v: {"content": content(v), "components": COMPONENTS} for v in ("1.0.0", "1.1.0", "1.2.0", "1.3.0")}
    rig = build(tmp_path, policy_with_components(**changes), settings=given)
    alarms: list[Alarm] = []
    rig.watch = Watch(rig.world, alarms.append)
    rig.users.rate = 40.0
    rig.clock.sleep(2)
    return rig, alarms


def promoted(tmp_path: Path, **changes: Any) -> tuple[Rig, list[Alarm]]:
    rig, alarms = shop(tmp_path, **changes)
    assert promote(rig, "1.1.0").outcome is Outcome.PROMOTED
    rig.clock.sleep(2)
    assert alarms == []
    return rig, alarms


def facts(rig: Rig) -> ServiceFacts:
    return fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS))


def veto(rig: Rig, version: str) -> None:
    with rig.world.journal.locked("shop") as txn:
        body = {"digest": rig.releases[version].digest, "version": version, "person": "ann", "why": "bad"}
        txn.append(EventKind.RELEASE_VETOED, body, actor="test")


def test_after_the_promotion_only_the_guilty_component_goes_back(tmp_path: Path) -> None:
    rig, alarms = promoted(tmp_path)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.5}
    rig.clock.sleep(8)
    (alarm,) = alarms
    assert alarm.target == MIX
    assert "only checkout fails, which is of component sales: only that goes back" in alarm.reason
    again: list[Alarm] = []
    rig.watch = Watch(rig.world, again.append)
    rig.clock.sleep(1)
    assert [one.target for one in again] == [MIX], "a guard that replaces it asks for the same"
    (note,) = [e for e in rig.world.journal.events("shop", kinds={EventKind.NOTE}) if e.body["what"] == FAILED]
    assert note.body["target"] == MIX
    view = roll_back(rig, alarm.target)
    assert view.outcome is Outcome.ROLLED_BACK
    old, new, now, slot = rig.releases["1.0.0"], rig.releases["1.1.0"], facts(rig).stable, facts(rig).stable_slot
    assert now is not None
    assert slot is not None
    assert now.version == MIX
    assert now.components == {"sales": old.components["sales"], "window": new.components["window"]}
    for region in rig.world.policy.shares:
        instances = rig.compute.look(Arm(region, slot)).instances
        assert instances
        assert {one.digest for one in instances} == {now.digest}, "N of N report the mix's digest"
    rig.users.error_rate.clear()
    rig.clock.sleep(5)
    assert len(alarms) == 1


def test_in_the_canary_all_goes_back_and_the_command_for_the_rest_is_named(tmp_path: Path) -> None:
    rig, _ = shop(tmp_path)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.5}
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert "tidegate promote shop 1.1.0+sales@1.0.0 --reason WHY" in view.why_back
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    assert "tidegate promote shop 1.1.0+sales@1.0.0" in page["operation"]["headline"]["next"]
    assert promote(rig, MIX).outcome is Outcome.PROMOTED, "and that command works"
    (entry,) = catalog_document("shop", rig.world.journal.events("shop", kinds=KINDS))
    changed = {one["what"] for one in entry["changed"]}
    assert "component window" in changed
    assert "component sales" not in changed


def test_what_may_be_gone_back_to_is_made_of_certified_baselines_that_nobody_vetoed(tmp_path: Path) -> None:
    rig, _ = promoted(tmp_path)
    found = preview_rollback(rig.world, MIX)
    assert (found.target, found.refusals) == (MIX, ())
    assert {name: standing for name, standing, _ in found.components} == {"sales": "goes back", "window": "stays"}
    with pytest.raises(Refused, match=r"1\.3\.0\+sales@1\.0\.0 is made of 1\.3\.0, which is no certified baseline"):
        open_rollback(rig, "1.3.0+sales@1.0.0")
    watched = watched_release(rig.world.journal, "shop")
    assert watched is not None
    assert back_to(rig.world, watched, ["checkout"])[0] == MIX
    assert back_to(rig.world, watched, ["checkout", "browse"])[0] == ""
    veto(rig, "1.0.0")
    with pytest.raises(Refused, match=r"cannot be gone back to: 1\.0\.0 is vetoed"):
        open_rollback(rig, MIX)
    view = promote(rig, "1.1.0+window@1.0.0")
    assert view.outcome is Outcome.REFUSED
    assert "1.0.0" in view.why_back
    assert "is vetoed" in view.why_back
    assert rig.world.journal.head("shop").lease is None


def test_a_part_that_is_vetoed_once_the_rollback_is_open_brings_nothing_to_users(tmp_path: Path) -> None:
    """By the step that admits it, and before each step that follows."""
    rig, _ = promoted(tmp_path)
    view = open_rollback(rig, MIX)
    veto(rig, "1.0.0")
    with pytest.raises(Refused, match="was vetoed"):
        run_step(rig.world, view.id, "admit.target", actor="test")
    seen = step_world(rig.world, view, Known((), frozenset(), None, {}), Token(0, view.id))
    with pytest.raises(Refused, match=r"1\.\d\.0 .* is no certified baseline"):
        VERIFY_TARGET.verify({}, seen, Look(Standing.NOT_DONE, ""))
    both = (rig.releases["1.0.0"], rig.releases["1.1.0"])
    known = Known(both, frozenset({rig.releases["1.0.0"].digest}), None, {})
    with pytest.raises(Refused, match=r"baseline 1\.0\.0 is vetoed"):
        VERIFY_TARGET.verify({}, replace(seen, known=known), Look(Standing.NOT_DONE, ""))


def test_a_mix_that_restores_nothing_ends_with_the_command_that_goes_further(tmp_path: Path) -> None:
    rig, _ = promoted(tmp_path)
    rig.users.error_rate[MIX] = {"checkout": 0.9, "browse": 0.9}
    view = roll_back(rig, MIX)
    assert view.outcome is Outcome.ROLLED_BACK
    assert view.stopped_at is None
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    top = page["operation"]["headline"]
    assert (top["tone"], top["next"]) == ("ask", "tidegate rollback shop --to 1.0.0 --reason WHY")
    assert roll_back(rig, "1.0.0").outcome is Outcome.ROLLED_BACK, "and that command works"
    assert facts(rig).stable == rig.releases["1.0.0"]


def test_the_policy_binds_who_answers_what_and_may_switch_it_off() -> None:
    policy = policy_with_components()
    assert bound_settings(policy)["components"] == {"checkout": "sales", "browse": "window"}
    off = policy.model_copy(update={"rollback": policy.rollback.model_copy(update={"components": False})})
    assert "components" not in bound_settings(off)
    assert "components" not in bound_settings(small_policy())
