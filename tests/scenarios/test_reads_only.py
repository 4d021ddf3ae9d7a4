"""Nobody can take writes: a person has the router serve reads alone, whatever else goes on, until it is undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.moving import both_sign, move, moving_policy, regions
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine import writes
from tidegate.errors import Forbidden, LeaseLost, Refused, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome
from tidegate.model.writes import Halt
from tidegate.policy.load import load_policy
from tidegate.report.overview import service_document

BY: dict[str, Any] = {"person": "cat", "reason": "nobody signs tonight", "actor": "test"}


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    roles = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.roles
    return build(tmp_path, moving_policy().model_copy(update={"roles": roles}))


def rows(rig: Rig) -> list[tuple[str, str, str]]:
    found = rig.world.journal.events("shop", kinds=writes.WRITE_KINDS)
    return [(e.kind.value, e.body["person"], e.body["why"]) for e in found]


def test_it_is_on_record_told_on_the_first_page_and_undone(rig: Rig) -> None:
    assert writes.stop_writes(rig.world, 7, **BY)
    assert not writes.stop_writes(rig.world, 9, **{**BY, "person": "pat"}), "it was so already"
    assert rig.traffic.observe_writes().halt == Halt(7)
    assert [rig.traffic.takes(method) for method in ("GET", "POST")] == [True, False]
    assert rows(rig) == [("writes_stopped", "cat", "nobody signs tonight")]
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    (told,) = [need for need in page["needs"] if "reads only" in need]
    assert "cat: nobody signs tonight" in told and "tidegate start-writes shop" in told and page["urgency"] == 0

    assert writes.start_writes(rig.world, **BY)
    assert not writes.start_writes(rig.world, **BY)
    assert rig.traffic.takes("POST")
    assert writes.stopped(rig.world.journal, "shop") is None
    assert not any("reads only" in need for need in service_document(rig.world.journal, "shop", 0.0)["needs"])
    assert rig.world.journal.verify("shop") == []


def test_a_move_neither_lifts_it_nor_is_held_by_it(rig: Rig) -> None:
    """Typed in the middle of a failover it fences nobody; and the failover's own route writes keep it."""
    rig.database.power_off("east")
    writes.stop_writes(rig.world, 7, **BY)
    assert move(rig, OperationKind.FAILOVER, "west", ask=both_sign(rig.world)).outcome is Outcome.FAILED_OVER
    assert (regions(rig)["west"], rig.database.writers()) == (10_000, ("west",))
    assert not rig.traffic.takes("POST"), "it is a person who ends it"
    writes.start_writes(rig.world, **BY)
    assert rig.traffic.takes("POST")


def test_on_record_before_the_effect_and_the_same_command_finishes_it(rig: Rig) -> None:
    rig.traffic.faults.unreachable = Unreachable("the edge is down")
    with pytest.raises(Unreachable):
        writes.stop_writes(rig.world, 7, **BY)
    assert rows(rig) == [("writes_stopped", "cat", "nobody signs tonight")]
    rig.traffic.faults.unreachable = None
    assert not writes.stop_writes(rig.world, 7, **BY)
    assert not rig.traffic.takes("POST")


def test_an_older_command_that_arrives_late_loses(rig: Rig) -> None:
    writes.stop_writes(rig.world, 7, **BY)
    late = writes._token(rig.world.journal.events("shop", kinds={EventKind.WRITES_STOPPED})[0].seq)
    writes.start_writes(rig.world, **BY)
    with pytest.raises(LeaseLost):
        rig.traffic.halt_writes(Halt(7), late)
    assert rig.traffic.takes("POST")


def test_who_may_not_and_what_cannot_leaves_no_row(rig: Rig) -> None:
    with pytest.raises(Forbidden):
        writes.stop_writes(rig.world, 7, **{**BY, "person": "zoe"})
    with pytest.raises(Refused, match="1 to 3600"):
        writes.stop_writes(rig.world, 0, **BY)
    assert rows(rig) == []


def test_the_commands(rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("tidegate.cli.writes.find_world", lambda service: rig.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    rig.database.power_off("east")
    by = ["shop", "--by", "cat", "--reason", "nobody signs"]
    assert main(["stop-writes", *by]) == ExitCode.OK
    assert "reads only: writes get 503 and Retry-After: 5" in capsys.readouterr().out
    assert main(["status", "shop"]) == ExitCode.OK
    assert "WRITES ARE STOPPED:   reads only, by cat: nobody signs." in capsys.readouterr().out
    assert main(["start-writes", *by]) == ExitCode.OK
    text = capsys.readouterr().out
    assert "writes go through again" in text and "NOBODY TAKES THEM YET" in text
