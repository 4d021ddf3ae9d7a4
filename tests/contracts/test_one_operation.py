"""The same trigger fifty times in parallel is one operation; of fifty different ones one opens. On both databases."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.estate import build
from tests.support.journal import findings, journal, journal_url
from tests.support.operations import small_policy
from tidegate.engine.adopt import adopt
from tidegate.engine.open import Request, open_operation
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.journal.model import EventKind
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind
from tidegate.plan.promotion import promotion_plan

__all__ = ["journal", "journal_url"]  # fixtures

MANY = 50


@pytest.fixture
def world(tmp_path: Path, journal: Journal) -> World:
    rig = build(tmp_path, small_policy(), adopted=False)
    made = dataclasses.replace(rig.world, journal=journal)
    adopt(made, "1.0.0", person="ann", reason="it runs")
    return made


def at_once(world: World, url: str, request_id: Callable[[int], str]) -> list[OperationView | TidegateError]:
    """What each of fifty callers got: each with a connection of its own, let loose together."""
    plan = promotion_plan(world.policy, world.policy_digest)
    gate, answers = threading.Barrier(MANY), list[OperationView | TidegateError]()

    def ask(number: int) -> None:
        mine = dataclasses.replace(world, journal=Journal(url))
        request = Request(OperationKind.PROMOTION, request_id(number), "cat", "a test", "1.1.0")
        gate.wait(120)
        try:
            answers.append(open_operation(mine, request, plan, actor=f"caller {number}"))
        except TidegateError as error:
            answers.append(error)
        finally:
            mine.journal.close()

    callers = [threading.Thread(target=ask, args=(n,)) for n in range(MANY)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(240)
    assert len(answers) == MANY
    return answers


def opened(world: World) -> list[str | None]:
    return [e.operation for e in world.journal.events("shop", kinds={EventKind.OPERATION_OPENED})]


def test_the_same_trigger_fifty_times_is_one_operation(world: World, journal_url: str) -> None:
    answers = at_once(world, journal_url, lambda number: "the same")
    assert {getattr(answer, "id", answer) for answer in answers} == set(opened(world))
    assert len(opened(world)) == 1
    assert findings(world.journal) == []


def test_of_fifty_triggers_one_opens_and_the_others_are_told_its_id(world: World, journal_url: str) -> None:
    answers = at_once(world, journal_url, lambda number: f"request {number}")
    (first,) = opened(world)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert len(refused) == MANY - 1
    assert all(f"is held by {first}" in str(error) for error in refused)
    lease = world.journal.head("shop").lease
    assert lease is not None
    assert lease.operation == first
    assert findings(world.journal) == []
