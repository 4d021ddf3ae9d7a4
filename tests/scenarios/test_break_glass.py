"""``tidegate run`` and ``tidegate resume --take-over``: an operation that Airflow has left half-done is carried on from
a terminal, the worker that wakes up late is refused, and Airflow can have it back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import Fuse, made
from tests.scenarios.test_moving_crashes import end_state, prepared
from tests.support.airflow_runs import loaded_of
from tests.support.estate import Rig, build
from tests.support.moving import move, moving_policy, open_move
from tests.support.operations import advance, now
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.execute import run_step
from tidegate.engine.runner import Walk, _run, drive
from tidegate.engine.takeover import give_back, hand_back, take_over
from tidegate.errors import LeaseLost
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, OperationState, Outcome, chain_of, operation_id
from tidegate.plan.failover import failover_plan
from tidegate.plan.model import Step

AIRFLOW, ANN = "airflow failover__shop task try 1", "ann (account ops)"
NODES = [node.id for _, node in failover_plan(moving_policy(synchronous="block"), "sha256:policy").nodes()]
STEPS = [node.id for _, node in failover_plan(moving_policy(), "sha256:policy").nodes() if isinstance(node, Step)]
BY = ["--by", "ann", "--reason", "Airflow is gone"]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[Rig], None]:
    """Commands that act on the estate are handed this one."""

    def use(rig: Rig) -> None:
        for commands in ("moving", "operations", "control", "foreseeing", "running"):
            monkeypatch.setattr(f"tidegate.cli.{commands}.find_world", lambda service: rig.world)
        for commands in ("moving", "foreseeing", "running"):
            monkeypatch.setattr(f"tidegate.cli.{commands}.find_policy", lambda service: loaded_of(rig))
        monkeypatch.setattr("tidegate.cli.control.find_paper", lambda service: rig.world)

    return use


class Asleep(BaseException):
    """The worker has been stopped: nothing of it goes on."""


def stop_at(rig: Rig, node: str) -> Callable[[Event], None]:
    """The worker of Airflow's falls asleep as soon as it has written that it begins with ``node``."""

    def hook(event: Event) -> None:
        if event.kind is EventKind.STEP_INTENDED and event.body["node"] == node and event.actor == AIRFLOW:
            raise Asleep

    rig.world.journal._after_commit = hook
    return hook


@pytest.mark.parametrize("node", NODES)
def test_half_done_at_any_node_it_is_carried_on_from_a_terminal(
    tmp_path: Path, node: str, terminal: Callable[[Rig], None]
) -> None:
    rig, view, _ = prepared(tmp_path / "undisturbed", "failover", Fuse())
    drive(rig.world, view.id, actor="one")
    wanted, once = end_state(rig), made(rig)
    rig, view, clients = prepared(tmp_path / "half", "failover", Fuse())
    advance(rig, view, node)
    stop_at(rig, node)
    if isinstance(view.plan.node(node)[1], Step):
        with pytest.raises(Asleep):
            run_step(rig.world, view.id, node, actor=AIRFLOW)
    terminal(rig)
    assert main(["resume", view.id, "--take-over", *BY]) == ExitCode.OK
    assert now(rig, view).outcome is Outcome.FAILED_OVER
    assert end_state(rig) == wanted
    assert clients.most <= 1
    twice = {what: n for what, n in made(rig).items() if n > once[what] > 0}
    assert not twice
    assert not rig.world.journal.verify("shop")


@pytest.mark.parametrize("node", STEPS)
def test_the_worker_that_wakes_up_is_refused_at_its_next_effect(tmp_path: Path, node: str) -> None:
    """It sleeps between its intent and its effect; meanwhile a person takes the operation over."""
    rig, view, _ = prepared(tmp_path, "failover", Fuse())
    advance(rig, view, node)
    effects: list[int] = []

    def meanwhile(event: Event) -> None:
        if event.kind is EventKind.STEP_INTENDED and event.actor == AIRFLOW:
            take_over(rig.world, view.id, person="ann", reason="the worker hangs", actor=ANN)
            effects.append(len(rig.effects_log()))

    rig.world.journal._after_commit = meanwhile
    with pytest.raises(LeaseLost):
        run_step(rig.world, view.id, node, actor=AIRFLOW)
    assert effects == [len(rig.effects_log())], "it has done nothing since"
    assert not now(rig, view).verified(node)
    rig.world.journal._after_commit = None
    with pytest.raises(LeaseLost, match="was taken over by ann"):
        run_step(rig.world, view.id, node, actor=AIRFLOW)
    assert drive(rig.world, view.id, actor=ANN).outcome is Outcome.FAILED_OVER


@pytest.mark.parametrize("node", NODES[1::4])
def test_airflow_can_have_it_back(tmp_path: Path, node: str) -> None:
    """Ann carries it up to a node and gives it back; Airflow's tasks go on from there, and find done what is done."""
    rig, view, clients = prepared(tmp_path, "failover", Fuse())
    take_over(rig.world, view.id, person="ann", reason="Airflow is gone", actor=ANN)
    ann = Walk(rig.world, ANN)
    for _, each in view.plan.nodes():
        if each.id == node:
            break
        assert _run(ann, view, each) is None
    hand_back(rig.world, view.id, actor=ANN)
    first = next(n.id for _, n in view.plan.nodes() if isinstance(n, Step))
    run_step(rig.world, view.id, first, actor=AIRFLOW)
    assert drive(rig.world, view.id, actor=AIRFLOW).outcome is Outcome.FAILED_OVER
    assert clients.most <= 1
    assert not rig.world.journal.verify("shop")


def test_it_is_given_back_although_the_terminal_died_with_it(tmp_path: Path, terminal: Callable[[Rig], None]) -> None:
    rig, view, _ = prepared(tmp_path, "failover", Fuse())
    advance(rig, view, "verify.writer")
    take_over(rig.world, view.id, person="ann", reason="Airflow is gone", actor=ANN)
    with pytest.raises(LeaseLost):
        drive(rig.world, view.id, actor=AIRFLOW)
    terminal(rig)
    assert main(["resume", view.id, "--give-back", "--by", "ben", "--reason", "ann's laptop is dead"]) == ExitCode.OK
    with pytest.raises(LeaseLost):
        give_back(rig.world, view.id, person="ben", reason="again: nothing", actor="ben")
        run_step_under_old_epoch(rig, view.id)
    assert drive(rig.world, view.id, actor=AIRFLOW).outcome is Outcome.FAILED_OVER


def run_step_under_old_epoch(rig: Rig, operation: str) -> None:
    """What ann's laptop had in its hands when it died."""
    epoch = rig.world.journal.head("shop").epoch - 1
    with rig.world.journal.locked("shop") as txn:
        txn.append(EventKind.NOTE, {"why": "late"}, actor=ANN, operation=operation, epoch=epoch)


@pytest.mark.parametrize(
    ("words", "outcome"),
    [
        (["promote", "shop", "1.1.0"], Outcome.PROMOTED),
        (["failover", "shop", "--to", "west"], Outcome.FAILED_OVER),
        (["switchover", "shop", "--to", "west"], Outcome.SWITCHED_OVER),
        (["reprotect", "shop"], Outcome.REPROTECTED),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_run_opens_and_carries_it_to_its_end(
    tmp_path: Path, terminal: Callable[[Rig], None], words: list[str], outcome: Outcome
) -> None:
    rig = build(tmp_path, moving_policy(synchronous="block"))
    move(rig, OperationKind.REPROTECT)
    if words[0] == "failover":
        rig.database.kill("east")
    terminal(rig)
    command = ["run", *words, "--by", "cat", "--reason", "a test", "--request-id", "one"]
    assert main(command) == ExitCode.OK
    assert now_of(rig, words[0]).outcome is outcome
    assert now_of(rig, words[0]).requester == "cat"


def test_run_rollback(tmp_path: Path, terminal: Callable[[Rig], None]) -> None:
    rig = build(tmp_path, moving_policy())
    terminal(rig)
    assert main(["run", "promote", "shop", "1.1.0", "--by", "cat", "--reason", "new"]) == ExitCode.OK
    assert main(["run", "rollback", "shop", "--by", "cat", "--reason", "old", "--request-id", "one"]) == ExitCode.OK
    assert now_of(rig, "rollback").outcome is Outcome.ROLLED_BACK


def now_of(rig: Rig, word: str) -> Any:
    kind = OperationKind("promotion" if word == "promote" else word)
    operation = operation_id("shop", kind, "one")
    view = dataclasses.replace(open_or_none(rig, operation))
    return view


def open_or_none(rig: Rig, operation: str) -> Any:
    from tidegate.engine.view import fold_operation, require

    return require(fold_operation(rig.world.journal.events("shop", operation=operation)), operation)


def test_nothing_is_done_for_no_reason(
    tmp_path: Path, terminal: Callable[[Rig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build(tmp_path, moving_policy())
    terminal(rig)
    before = rig.world.journal.head("shop").seq
    assert main(["run", "failover", "shop", "--to", "west"]) == ExitCode.REFUSED
    assert "--reason" in capsys.readouterr().err
    assert rig.world.journal.head("shop").seq == before


def test_who_and_why_are_journalled_before_the_effect(tmp_path: Path, terminal: Callable[[Rig], None]) -> None:
    rig, view, _ = prepared(tmp_path, "failover", Fuse())
    terminal(rig)
    advance(rig, view, "cutover.promote")
    seen: list[Event] = []
    rig.traffic.world.after_effect = lambda effect: seen.extend(
        rig.world.journal.events("shop", operation=view.id, kinds={EventKind.LEASE_TAKEN})[:1]
    )
    assert main(["resume", view.id, "--take-over", *BY]) == ExitCode.OK
    assert (seen[0].body["person"], seen[0].body["why"]) == ("ann", "Airflow is gone")


def test_resume_alone_lifts_a_pause_and_takes_nothing_over(
    tmp_path: Path, terminal: Callable[[Rig], None], capsys: pytest.CaptureFixture[str]
) -> None:
    rig = build(tmp_path, moving_policy())
    view = open_move(rig, OperationKind.SWITCHOVER, "west")
    terminal(rig)
    rig.clock.sleep(61)
    assert main(["pause", "shop", view.id, *BY]) == ExitCode.OK
    assert main(["resume", view.id, *BY]) == ExitCode.OK
    said = capsys.readouterr().out
    assert now(rig, view).state is OperationState.RUNNING
    assert now(rig, view).taken_by == ""
    assert f"tidegate resume {view.id} --take-over" in said
    assert main(["resume", view.id, "--take-over", "--give-back", *BY]) == ExitCode.REFUSED


def test_an_operations_id_names_its_chain() -> None:
    assert chain_of(operation_id("web-shop", OperationKind.FAILOVER, "x")) == "web-shop"
    assert chain_of(operation_id("shop--preview", OperationKind.PREVIEW, "x")) == "shop--preview"
    assert chain_of("shop") is None
    assert chain_of("shop-failover-nothex") is None
