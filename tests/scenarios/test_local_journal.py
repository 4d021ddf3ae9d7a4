"""The journal is out of reach: two people open one beside it, a failover runs on it, and it is taken in afterwards."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest

from tests.support.airflow_runs import loaded_of
from tests.support.estate import Rig, build
from tests.support.moving import move, moving_policy, open_move, placement
from tests.support.operations import advance
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.approve import give_approval, request_approval
from tidegate.engine.execute import run_step
from tidegate.engine.import_journal import import_local
from tidegate.engine.local_journal import CLASS, Known, open_local, opening_of, url_of
from tidegate.engine.runner import drive
from tidegate.errors import LeaseLost, Refused, Rejected, Unreachable
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.names import APPROVE_LOSS, PROMOTE_NODE
from tidegate.policy.break_glass import BreakGlass
from tidegate.publishing.keys import key_from_file, make_key, policy_text
from tidegate.report.glass_bundle import FACTS, HEAD, contents, packed


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    keys = {person: policy_text(make_key(tmp_path / "keys", person)) for person in ("ann", "ben")}
    policy = moving_policy(synchronous="block").model_copy(update={"break_glass": BreakGlass(keys=keys)})
    made = build(tmp_path, policy)
    made.guard_alive, made.users.rate = False, 40.0  # its own looks would stand in the journal
    move(made, OperationKind.REPROTECT)
    return made


def known(rig: Rig) -> Known:
    files = contents(loaded_of(rig), rig.world.journal, rig.world.estate.site.root, None)
    return Known.of(files[HEAD], files[FACTS])


def beside(rig: Rig, tmp_path: Path, *, from_: Known | None = None) -> Rig:
    """The same estate under a local journal."""
    world = rig.world
    keys = [key_from_file(tmp_path / "keys" / f"{person}.pem") for person in ("ann", "ben")]
    journal = open_local(
        tmp_path / "local", world.policy, world.policy_digest, from_ or known(rig), keys,
        reason="the third place is dark", actor="cat", clock=rig.clock.now,
    )  # fmt: skip
    return dataclasses.replace(rig, world=dataclasses.replace(world, journal=journal))


def test_a_failover_on_a_local_journal_and_its_import(rig: Rig, tmp_path: Path) -> None:
    main_head = rig.world.journal.head("shop")
    local = beside(rig, tmp_path)
    rig.database.kill("east")
    done = move(local, OperationKind.FAILOVER)
    assert done.outcome is Outcome.FAILED_OVER
    assert local.world.journal.head("shop").epoch > main_head.epoch + CLASS
    assert rig.world.journal.head("shop") == main_head, "the one that is out of reach was not touched"
    imported = import_local(rig.world, local.world.journal, person="cat", reason="it is back", actor="cat")
    assert (imported.fork, imported.superseded, imported.conflicts) == (0, (), ())
    assert not rig.world.journal.verify("shop")
    where = placement(rig)
    assert where is not None
    assert where.primary == "west"
    rows = rig.world.journal.events("shop", operation=done.id)
    theirs = local.world.journal.events("shop", operation=done.id)
    assert [(r.kind, r.body, r.actor, r.at, r.epoch) for r in rows] == [
        (r.kind, r.body, r.actor, r.at, r.epoch) for r in theirs
    ]
    assert import_local(rig.world, local.world.journal, person="cat", reason="again", actor="cat").rows == 0
    rig.database.comes_back("east")
    assert move(rig, OperationKind.REPROTECT).outcome is Outcome.REPROTECTED


def test_whoever_acts_under_the_cut_off_journal_is_refused_by_the_systems(rig: Rig, tmp_path: Path) -> None:
    """A worker that still reaches the old journal, and the router."""
    from tidegate.drivers.token import Token

    local = beside(rig, tmp_path)
    rig.database.kill("east")
    move(local, OperationKind.FAILOVER)
    split = rig.traffic.observe().split
    assert split is not None
    with pytest.raises(LeaseLost):
        rig.traffic.apply(split, Token(rig.world.journal.head("shop").epoch + 1000, "a stale one"))


def test_what_the_own_journal_did_meanwhile_is_a_fork_and_loses_the_lease(rig: Rig, tmp_path: Path) -> None:
    local = beside(rig, tmp_path)
    meanwhile = open_move(rig, OperationKind.SWITCHOVER, "west")
    rig.database.kill("east")
    done = move(local, OperationKind.FAILOVER)
    imported = import_local(rig.world, local.world.journal, person="cat", reason="it is back", actor="cat")
    assert imported.superseded == (meanwhile.id,)
    assert imported.fork == 1
    assert any(meanwhile.id in line for line in imported.conflicts)
    assert not rig.world.journal.verify("shop")
    with pytest.raises((LeaseLost, Refused)):
        run_step(rig.world, meanwhile.id, "admit.target", actor="airflow")
    assert rig.world.journal.events("shop", operation=meanwhile.id)[0].kind is EventKind.OPERATION_OPENED
    assert rig.world.journal.events("shop", operation=done.id)
    (row,) = rig.world.journal.events("shop", kinds={EventKind.JOURNAL_IMPORTED})
    assert row.body["fork"]["rows"] == 1


def test_an_operation_that_is_still_open_is_carried_on_here(rig: Rig, tmp_path: Path) -> None:
    local = beside(rig, tmp_path)
    rig.database.kill("east")
    view = advance(local, open_move(local, OperationKind.FAILOVER), "verify.writer")
    import_local(rig.world, local.world.journal, person="cat", reason="it is back", actor="cat")
    lease = rig.world.journal.head("shop").lease
    assert lease is not None
    assert lease.operation == view.id
    assert drive(rig.world, view.id, actor="airflow").outcome is Outcome.FAILED_OVER
    assert not rig.world.journal.verify("shop")


@pytest.mark.parametrize(
    "people", [(), ("ann",), ("ann", "ann"), ("ann", "eve")], ids=lambda p: "+".join(p) or "nobody"
)
def test_it_takes_two_people(rig: Rig, tmp_path: Path, people: tuple[str, ...]) -> None:
    make_key(tmp_path / "keys", "eve")
    keys = [key_from_file(tmp_path / "keys" / f"{person}.pem") for person in people]
    with pytest.raises(Refused):
        open_local(
            tmp_path / "local", rig.world.policy, "sha256:policy", known(rig), keys, reason="x", actor="x",
            clock=rig.clock.now,
        )  # fmt: skip
    journal = Journal(url_of(tmp_path / "local"), read_only=True)
    assert journal.head("shop").seq == 0


def test_a_forged_one_is_not_taken_in(rig: Rig, tmp_path: Path) -> None:
    """Somebody opens one with their own keys, named after ann and ben."""
    forged = {person: make_key(tmp_path / "forged", person) for person in ("ann", "ben")}
    theirs = BreakGlass(keys={person: policy_text(each) for person, each in forged.items()})
    policy = rig.world.policy.model_copy(update={"break_glass": theirs})
    journal = open_local(
        tmp_path / "local", policy, "sha256:policy", known(rig), list(forged.values()), reason="x", actor="x",
        clock=rig.clock.now,
    )  # fmt: skip
    before = rig.world.journal.head("shop")
    with pytest.raises(Rejected, match="valid signatures"):
        import_local(rig.world, journal, person="cat", reason="x", actor="x")
    assert rig.world.journal.head("shop") == before


def test_one_of_another_chain_is_not_taken_in(rig: Rig, tmp_path: Path) -> None:
    other = dataclasses.replace(known(rig), hash="0" * 64)
    local = beside(rig, tmp_path, from_=other)
    with pytest.raises(Refused, match="goes on from row"):
        import_local(rig.world, local.world.journal, person="cat", reason="x", actor="x")


def test_an_edited_one_is_not_taken_in(rig: Rig, tmp_path: Path) -> None:
    import sqlite3

    local = beside(rig, tmp_path)
    with sqlite3.connect(tmp_path / "local" / "journal.sqlite") as connection:
        for (trigger,) in connection.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            connection.execute(f"drop trigger {trigger}")
        connection.execute("update events set actor = 'somebody else' where seq = 2")
    with pytest.raises(Refused, match="does not verify"):
        import_local(rig.world, local.world.journal, person="cat", reason="x", actor="x")


def test_on_a_local_journal_only_signatures_approve(rig: Rig, tmp_path: Path) -> None:
    """No Airflow has known anybody there: a row that names ann and ben is not enough."""
    local = beside(rig, tmp_path)
    rig.database.cut("east")
    rig.compute.faults.lost["east"] = Unreachable("cut off")
    view = advance(local, open_move(local, OperationKind.FAILOVER), APPROVE_LOSS)
    asked = request_approval(local.world, view.id, APPROVE_LOSS, actor="cat")
    assert "people" in asked, "people are asked here"
    for person in ("ann", "ben"):
        give_approval(
            local.world, view.id, APPROVE_LOSS, person=person, plan_digest=view.plan_digest, actor="airflow x"
        )
    with pytest.raises(Refused, match="needs 2 approval"):
        run_step(local.world, view.id, PROMOTE_NODE, actor="cat")


def test_by_the_command_line(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = tmp_path / "shop.tar.gz"
    bundle.write_bytes(packed(contents(loaded_of(rig), rig.world.journal, tmp_path, None)))
    main_url = f"sqlite:///{tmp_path / 'journal.sqlite'}"
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_JOURNAL", main_url)
    for commands in ("moving", "local_journal"):
        monkeypatch.setattr(f"tidegate.cli.{commands}.find_policy", lambda service: loaded_of(rig))
    monkeypatch.setattr("tidegate.cli.moving.find_world", lambda service: here(rig))
    monkeypatch.setattr("tidegate.cli.local_journal.find_paper", lambda service: rig.world)
    monkeypatch.chdir(tmp_path / "keys")
    rig.database.kill("east")
    run = ["run", "failover", "shop", "--to", "west", "--reason", "dark", "--by", "cat", "--bundle", str(bundle)]
    run += ["--local-journal", str(tmp_path / "local"), "--signed-by", "ann.pem", "--signed-by", "ben.pem"]
    assert main(run) == ExitCode.REFUSED
    assert "answers: a second one would be a second authority" in capsys.readouterr().err
    assert not (tmp_path / "local").exists()
    monkeypatch.setenv("TIDEGATE_JOURNAL", "postgresql+psycopg://cat@127.0.0.1:1/journal")
    assert main(run) == ExitCode.OK
    assert rig.database.writers() == ("west",)
    assert opening_of(Journal(url_of(tmp_path / "local")), "shop").body["people"] == ["ann", "ben"]
    words = ["journal", "import", str(tmp_path / "local"), "--by", "cat", "--reason", "it is back"]
    assert main(words) == ExitCode.OK
    assert "taken in" in capsys.readouterr().out
    assert main(words) == ExitCode.OK
    assert "all of it is here already" in capsys.readouterr().out


def here(rig: Rig) -> object:
    return dataclasses.replace(rig.world, journal=Journal(os.environ["TIDEGATE_JOURNAL"], clock=rig.clock.now))
