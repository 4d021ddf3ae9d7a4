"""What is told of circuit breakers: by the guard for pages, and by the router for whoever asks it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support import estate
from tests.support.estate import Rig
from tidegate.engine import dependencies
from tidegate.engine.dependencies import Told
from tidegate.guard.dependency_watch import DependencyWatch
from tidegate.model.dependency import Breaker, BreakerState, Limits
from tidegate.policy.dependencies import Dependency
from tidegate.report.overview import service_document

PAYMENTS = Dependency(used_by=("checkout",), without_it="orders are paid later", probe="/_health")
SEARCH = Dependency(used_by=("browse",))


def state(breaker: Breaker, limits: Limits | None = PAYMENTS.limits) -> BreakerState:
    return BreakerState(breaker, targets=2, out=1, calls=9, timed_out=3, turned_away=4, opened=1, limits=limits)


def told(part: Dependency, found: BreakerState | None) -> Told:
    return dependencies.tell("shop", "payments", part, found)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    rig = estate.build(tmp_path)
    policy = rig.world.policy.model_copy(update={"dependencies": {"payments": PAYMENTS}})
    object.__setattr__(rig.world, "policy", policy)
    return rig


def test_a_closed_one_needs_nobody():
    found = told(PAYMENTS, state(Breaker.CLOSED))
    assert (found.words, found.do) == (
        "payments: closed; 9 calls, 3 timed out, 4 turned away, opened 1 times",
        "",
    )


def test_an_open_one_says_what_users_get_instead_and_when_it_closes():
    found = told(PAYMENTS, state(Breaker.OPEN))
    assert found.words.startswith("payments: OPEN; no call gets through: orders are paid later; ")
    assert found.do.endswith("the breaker closes by itself when /_health answers")
    essential = told(SEARCH, state(Breaker.OPEN, SEARCH.limits))
    assert "browse fail, everything else goes on" in essential.words
    assert essential.do.endswith("when calls succeed")


def test_one_at_its_limits_and_one_that_has_lost_a_target_say_so():
    assert "100 calls are under way" in told(PAYMENTS, state(Breaker.FULL)).words
    assert "dependencies.payments.connections" in told(PAYMENTS, state(Breaker.FULL)).do
    assert "1 of its 2 targets get no calls" in told(PAYMENTS, state(Breaker.PARTLY)).words


def test_a_router_with_other_limits_or_without_a_breaker_is_told_of():
    other = Limits(1.0, 1000, 100, 5, 5.0, "")
    found = told(PAYMENTS, state(Breaker.CLOSED, other))
    assert "connections 1000 instead of 100, probe none instead of /_health" in found.words
    assert "tidegate dependencies shop --envoy" in found.do
    assert "none of this form" in told(PAYMENTS, state(Breaker.CLOSED, None)).words
    assert (
        told(PAYMENTS, None).words
        == "payments: unknown; the router has no breaker for payments: if it hangs, checkout hang"
    )
    assert told(PAYMENTS, None).do


def test_the_guard_leaves_it_for_pages_and_it_runs_out(rig: Rig):
    rig.traffic.breakers["payments"] = state(Breaker.OPEN)
    DependencyWatch(rig.world).look()
    (seen,) = dependencies.last_seen(rig.world.journal, "shop", rig.clock.now())
    assert seen.breaker == Breaker.OPEN
    page = service_document(rig.world.journal, "shop", rig.clock.now())
    assert page["dependencies"] == [seen.words]
    assert any(seen.do in words for words in page["needs"])
    later = rig.clock.now() + dependencies.TTL + 1
    assert dependencies.last_seen(rig.world.journal, "shop", later) == ()


def test_a_router_that_cannot_say_is_no_trouble(rig: Rig):
    plain: Any = object()
    world = replace(rig.world, estate=replace(rig.world.estate, traffic=plain))
    (one,) = dependencies.look(world)
    assert (one.breaker, one.do) == ("unknown", "")
