"""Circuit breakers with limits from policy, on a real Envoy before a process that really hangs."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import payments
from tests.support import payments as dependency
from tests.support.envoy import wait_until
from tests.support.payments import LIMITS, NAME, Dependency
from tidegate.drivers.traffic.contract import BreakingTraffic
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.model.dependency import Breaker, BreakerState

pytestmark = pytest.mark.real
ORDER = "5bb1a7a4-0a7e-4c0e-8a6c-0123456789ab"


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Dependency]:
    with dependency.running(tmp_path) as running:
        yield running


def test_a_dependency_that_hangs_opens_the_breaker_which_answers_at_once_and_closes_after(it: Dependency) -> None:
    it.hang()
    seen = it.until_open()
    assert 504 in seen, "those who found out waited for as long as the policy says"
    wait_until(lambda: all(it.call() == 503 for _ in range(5)), "every worker of the edge knows it")
    before = it.state
    assert [it.call() for _ in range(20)] == [503] * 20
    after = it.state
    assert after.timed_out == before.timed_out, "nobody waits while it is open"
    assert after.turned_away - before.turned_away == 20
    assert (after.out, after.targets) == (1, 1)
    it.wake()
    wait_until(lambda: it.breaker is Breaker.CLOSED, "closed again")
    wait_until(lambda: it.call() == 201, "called again")


def test_while_it_hangs_no_call_of_a_user_is_spent_on_finding_out(it: Dependency) -> None:
    """Envoy lets a target that was put out come back by itself after ``open_for``: the probe keeps it out."""
    it.hang()
    it.until_open()
    opened, waited = it.state.opened, it.state.timed_out
    unejected = f"cluster.to-{NAME}.outlier_detection.ejections_active: 0"
    wait_until(lambda: unejected in it.edge.admin(f"/stats?filter=to-{NAME}.outlier"), "out for as long as it is out")
    assert {it.call() for _ in range(10)} == {503}
    assert (it.state.opened, it.state.timed_out, it.breaker) == (opened, waited, Breaker.OPEN)


def test_more_calls_than_the_limits_allow_are_turned_away_at_once(it: Dependency) -> None:
    it.hang()
    statuses: list[int] = []
    callers = [threading.Thread(target=lambda: statuses.append(it.call())) for _ in range(30)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert set(statuses) == {503, 504}
    assert Counter(statuses)[504] <= LIMITS.connections + LIMITS.pending, "so many were let wait, and no more"
    it.wake()


def test_a_dependency_that_is_dead_opens_it_as_well(it: Dependency) -> None:
    it.die()
    assert set(it.until_open()) == {503}


def test_payments_asked_for_while_it_hung_are_taken_once_each(it: Dependency) -> None:
    """What was sent to a process that hangs is done when it wakes up, whatever the caller was told."""
    it.hang()
    assert it.call(ORDER) == 504
    it.wake()
    wait_until(lambda: it.breaker is Breaker.CLOSED and it.call(ORDER) == 200, "taken")
    assert [line["order"] for line in payments.read(it.book)].count(ORDER) == 1


def test_users_of_other_endpoints_are_not_in_the_log_of_calls_and_the_limits_are_read_back(it: Dependency) -> None:
    assert it.call() == 201
    assert it.edge.get("/products")[0] == 200
    wait_until(it.edge.lines, "a line in the access log")
    assert {line["path"] for line in it.edge.lines()} == {"/products"}
    assert it.state.limits == LIMITS


def test_a_router_that_knows_nothing_of_a_dependency_says_nothing_of_it(it: Dependency) -> None:
    assert it.driver.observe_breakers(["search"]) == {}
    assert it.driver.observe_breakers([]) == {}
    assert isinstance(it.driver, BreakingTraffic)


def test_the_memory_router_says_what_a_test_wants() -> None:
    driver, open_ = MemoryTraffic(), BreakerState(Breaker.OPEN, 1, 1)
    assert isinstance(driver, BreakingTraffic)
    driver.breakers[NAME] = open_
    assert driver.observe_breakers([NAME, "search"]) == {NAME: open_}
    assert driver.observe_breakers(["search"]) == {}
