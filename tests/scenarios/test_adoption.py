"""Adoption takes two people, and both times the estate is looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build, quick_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.token import Token
from tidegate.engine.adoption import WITHIN, approve_adoption, ask_adoption
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.errors import Forbidden, Refused
from tidegate.model.topology import Arm, Slot
from tidegate.policy.load import load_policy

WHY = "the shop has run on it for a year"


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """Nothing is adopted; the shop's own roles."""
    roles = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.roles
    return build(tmp_path, quick_policy().model_copy(update={"roles": roles}), adopted=False, guarded=False)


def asked(rig: Rig, person: str = "pat") -> str:
    request = ask_adoption(rig.world, "1.0.0", person=person, reason=WHY, actor=person)
    assert request is not None
    return str(request["operation"])


def approve(rig: Rig, operation: str, person: str) -> Any:
    return approve_adoption(rig.world, operation, person=person, actor=person)


def stable(rig: Rig) -> str | None:
    found = fold_facts(rig.world.journal.events("shop", kinds=FACT_KINDS)).stable
    return found.version if found else None


def kinds(rig: Rig) -> list[str]:
    return [e.kind.value for e in rig.world.journal.events("shop")]


def test_one_asks_another_approves(rig: Rig) -> None:
    operation = asked(rig)
    assert stable(rig) is None, "asking adopts nothing"
    assert approve(rig, operation, "ann").version == stable(rig) == "1.0.0"
    request, given, certified, closed = rig.world.journal.events("shop", operation=operation)
    assert request.body["people"] == ["admin", "ann", "ben"]
    assert request.body["evidence"]["instances"] == {"east-a": 2, "west-a": 2}
    assert given.body["evidence_digest"] == request.body["evidence_digest"]
    assert (given.body["person"], given.body["roles"]) == ("ann", ["viewer", "approver"])
    assert certified.body["why"] == f"{WHY} (asked by pat)"
    assert closed.body["outcome"] == "adopted"


def test_asking_or_approving_again_is_nothing(rig: Rig) -> None:
    operation = asked(rig)
    assert asked(rig) == operation
    assert kinds(rig) == ["approval_requested"]
    approve(rig, operation, "ann")
    before = kinds(rig)
    approve(rig, operation, "ben")
    assert ask_adoption(rig.world, "1.0.0", person="pat", reason=WHY, actor="pat") is None
    assert kinds(rig) == before


@pytest.mark.parametrize("person", ["ann", "cat", "vic", "aud", "guard", ""])
def test_who_may_not_ask(rig: Rig, person: str) -> None:
    with pytest.raises(Forbidden):
        asked(rig, person)
    assert kinds(rig) == []


@pytest.mark.parametrize("person", ["cat", "vic", "aud", "guard", "", "mallory"])
def test_who_may_not_approve(rig: Rig, person: str) -> None:
    operation = asked(rig)
    with pytest.raises(Forbidden):
        approve(rig, operation, person)
    assert stable(rig) is None


def test_the_asker_never_approves(rig: Rig) -> None:
    operation = asked(rig)
    with pytest.raises(Refused, match="pat has asked for it"):
        approve(rig, operation, "pat")
    assert stable(rig) is None


def test_a_platform_engineer_approves_for_another(rig: Rig) -> None:
    approve(rig, asked(rig, "admin"), "pat")
    assert stable(rig) == "1.0.0"


def test_too_late_is_a_no(rig: Rig) -> None:
    operation = asked(rig)
    rig.clock.at += WITHIN + 1
    with pytest.raises(Refused, match="time to answer is over"):
        approve(rig, operation, "ann")
    assert asked(rig) == operation, "asked anew"
    approve(rig, operation, "ann")
    assert stable(rig) == "1.0.0"


def test_what_has_changed_since_is_not_adopted(rig: Rig) -> None:
    operation = asked(rig)
    capacity = rig.world.policy.capacity.instances
    rig.compute.apply(Arm("west", Slot.A), SlotSpec(rig.releases["1.1.0"], capacity), Token(9, "x"), Path)
    with pytest.raises(Refused, match=r"does not run 1\.0\.0"):
        approve(rig, operation, "ann")
    assert stable(rig) is None


def test_a_yes_to_what_was_not_shown_is_refused(rig: Rig) -> None:
    """The same release on more instances: it runs, but it is not what was seen."""
    operation = asked(rig)
    more = rig.world.policy.capacity.model_copy(update={"instances": 3})
    object.__setattr__(rig.world, "policy", rig.world.policy.model_copy(update={"capacity": more}))
    for region in rig.world.policy.shares:
        rig.compute.apply(Arm(region, Slot.A), SlotSpec(rig.releases["1.0.0"], 3), Token(9, "x"), Path)
    with pytest.raises(Refused, match="not what was seen"):
        approve(rig, operation, "ann")
    assert stable(rig) is None


def test_without_roles_it_still_takes_two(tmp_path: Path) -> None:
    rig = build(tmp_path, adopted=False, guarded=False)
    operation = asked(rig, "ann")
    with pytest.raises(Refused, match="ann has asked for it"):
        approve(rig, operation, "ann")
    approve(rig, operation, "ben")
    assert stable(rig) == "1.0.0"


def test_by_the_command_line(rig: Rig, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("tidegate.cli.adoption.find_world", lambda service: rig.world)
    assert main(["adopt", "shop", "1.0.0", "--by", "pat", "--reason", WHY]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "nothing is adopted yet" in text
    assert "(admin, ann, ben): tidegate approve shop shop-adoption-" in text
    assert main(["adopt", "shop", "1.0.0", "--by", "pat", "--reason", WHY, "--json"]) == ExitCode.OK
    operation = json.loads(capsys.readouterr().out)["operation"]
    assert main(["approve", "shop", operation, "--by", "pat"]) == ExitCode.REFUSED
    assert main(["approve", "shop", "shop-adoption-0", "--by", "ann"]) == ExitCode.REFUSED
    assert "ask for it: tidegate adopt shop" in capsys.readouterr().err
    assert main(["approve", "shop", operation, "--by", "ann"]) == ExitCode.OK
    assert "is the first baseline, approved by ann" in capsys.readouterr().out
    (given,) = [e for e in rig.world.journal.events("shop") if e.kind == "approval_given"]
    assert given.actor.startswith("ann (account "), "the name is stated; the account is what stated it"
