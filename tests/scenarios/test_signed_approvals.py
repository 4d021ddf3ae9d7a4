"""Approvals by signature: a failover that loses writes, carried from a terminal, with no Airflow that knows people."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.estate import Rig, build
from tests.support.moving import moving_policy, open_move
from tests.support.operations import advance, now
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.execute import run_step
from tidegate.engine.signatures import signed_yes, statement
from tidegate.engine.view import OperationView
from tidegate.errors import NotYet, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind
from tidegate.plan.names import APPROVE_LOSS, PROMOTE_NODE
from tidegate.policy.break_glass import BreakGlass
from tidegate.publishing.keys import key_from_file, make_key, policy_text

PEOPLE = ("ann", "ben", "cat", "dan")  # cat asks for it; dan is not asked


@pytest.fixture
def lossy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Rig, OperationView]:
    """East is dark, its last writes may be lost, and two of ann and ben are asked."""
    keys = {person: policy_text(make_key(tmp_path / "keys", person)) for person in PEOPLE}
    policy = moving_policy().model_copy(update={"break_glass": BreakGlass(keys=keys)})
    rig = build(tmp_path, policy)
    rig.users.rate = 0  # nobody looks at users here
    rig.lose("east")
    rig.database.kill("east")
    view = open_move(rig, OperationKind.FAILOVER)
    view = advance(rig, view, APPROVE_LOSS)
    request_approval(rig.world, view.id, APPROVE_LOSS, actor="test")
    monkeypatch.setattr("tidegate.cli.approving.find_paper", lambda service: rig.world)
    monkeypatch.chdir(tmp_path / "keys")
    return rig, now(rig, view)


def approve(view: OperationView, person: str) -> int:
    return main(["approve", view.id, "--sign", f"{person}.pem"])


def promote(rig: Rig, view: OperationView) -> None:
    run_step(rig.world, view.id, PROMOTE_NODE, actor="test")


def test_two_sign_and_it_goes_on(lossy: tuple[Rig, OperationView], capsys: pytest.CaptureFixture[str]) -> None:
    rig, view = lossy
    assert main(["approve", view.id]) == ExitCode.OK
    said = capsys.readouterr().out
    assert "declare.measure:" in said, "what they sign is shown"
    assert "east -> west" in said
    assert approve(view, "ann") == ExitCode.OK
    assert "another person has to sign" in capsys.readouterr().out
    with pytest.raises(NotYet, match=r"comes after declare\.approve"):
        promote(rig, view)
    assert approve(view, "ben") == ExitCode.OK
    assert "enough?  yes" in capsys.readouterr().out
    promote(rig, view)
    assert rig.database.writers() == ("west",)


@pytest.mark.parametrize(("person", "why"), [("cat", "requested"), ("dan", "may not approve"), ("eve", "is nobody's")])
def test_who_may_not(
    lossy: tuple[Rig, OperationView], capsys: pytest.CaptureFixture[str], person: str, why: str
) -> None:
    """The requester, somebody who is not asked, and a key that the policy does not name."""
    rig, view = lossy
    if person == "eve":
        make_key(Path(), "eve")
    assert approve(view, person) == ExitCode.REFUSED
    assert why in capsys.readouterr().err
    assert now(rig, view).approvals == ()


def test_one_person_counts_once(lossy: tuple[Rig, OperationView]) -> None:
    rig, view = lossy
    assert approve(view, "ann") == approve(view, "ann") == ExitCode.OK
    with pytest.raises(NotYet, match=r"comes after declare\.approve"):
        promote(rig, view)


def test_too_late_is_no_yes(lossy: tuple[Rig, OperationView], capsys: pytest.CaptureFixture[str]) -> None:
    rig, view = lossy
    rig.clock.sleep(21)
    assert approve(view, "ann") == ExitCode.REFUSED
    assert "the time to answer is over" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["operation", "node", "plan_digest", "evidence_digest", "person", "answer"])
def test_a_signature_for_something_else_is_refused(lossy: tuple[Rig, OperationView], what: str) -> None:
    from tidegate.drivers.artifacts._signatures import sign
    from tidegate.engine.signatures import APPROVAL_TYPE

    rig, view = lossy
    other = {**statement(view, APPROVE_LOSS, "ann"), what: "another"}
    envelope = sign(other, APPROVAL_TYPE, [key_from_file(Path("ann.pem"))]).decode()
    with pytest.raises(Refused, match="the signature is not ann's"):
        give_approval(
            rig.world, view.id, APPROVE_LOSS, person="ann", plan_digest=view.plan_digest, actor="x", envelope=envelope
        )


def test_nobody_signs_for_another(lossy: tuple[Rig, OperationView]) -> None:
    rig, view = lossy
    envelope = signed_yes(view, APPROVE_LOSS, "ann", key_from_file(Path("ben.pem")))
    with pytest.raises(Refused, match="the signature is not ann's"):
        give_approval(
            rig.world, view.id, APPROVE_LOSS, person="ann", plan_digest=view.plan_digest, actor="x", envelope=envelope
        )


def test_it_is_looked_at_again_just_before_the_effect(lossy: tuple[Rig, OperationView]) -> None:
    """Ben's key was stolen, and is taken out of the policy after he has signed."""
    rig, view = lossy
    assert approve(view, "ann") == approve(view, "ben") == ExitCode.OK
    keys = {person: key for person, key in rig.world.policy.break_glass.keys.items() if person != "ben"}  # type: ignore[union-attr]
    without = rig.world.policy.model_copy(update={"break_glass": BreakGlass(keys=keys)})
    with pytest.raises(Refused, match="needs 2 approval"):
        run_step(dataclasses.replace(rig.world, policy=without), view.id, PROMOTE_NODE, actor="test")
    assert rig.database.writers() == ()
    promote(rig, view)


def test_a_row_that_somebody_forged_approves_nothing(lossy: tuple[Rig, OperationView]) -> None:
    """Whoever can write to the journal can write a row; they cannot write ben's signature."""
    rig, view = lossy
    assert approve(view, "ann") == ExitCode.OK
    (given,) = rig.world.journal.events("shop", kinds={EventKind.APPROVAL_GIVEN})
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.APPROVAL_GIVEN, {**given.body, "person": "ben"}, actor="x", operation=view.id)
    with pytest.raises(Refused, match="needs 2 approval"):
        promote(rig, view)


def test_a_key_is_one_persons(tmp_path: Path) -> None:
    key = policy_text(make_key(tmp_path, "ann"))
    with pytest.raises(ValueError, match="have the same key"):
        BreakGlass(keys={"ann": key, "ben": key})
