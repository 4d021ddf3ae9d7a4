"""Under load the shop's payments hang (SIGSTOP) and go on again: when the breaker opens and closes, what users notice
of it, and whether every order is paid, once.

No operation has a part in it. Clocks: the users' own for what they saw, this process's for the rest.
"""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lab import payments
from lab.airflow_api import await_value
from lab.deployment import Deployment, sample_policy
from lab.load.journal import entries
from lab.load.records import SETTLE
from lab.progress import Progress
from lab.story import unasked
from lab.story.scenario import Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.users_saw import Users, by_class
from lab.story.writer_probe import WriterProbe
from lab.third_place import PAYMENTS, payments_book
from tidegate.drivers import registry
from tidegate.drivers.traffic.contract import BreakingTraffic
from tidegate.model.dependency import Breaker

STEADY = 10.0  # seconds of users before it hangs, and after all is settled
LASTS = 20.0  # seconds
OPEN_WITHIN, CLOSED_WITHIN, SETTLED_WITHIN = 30.0, 60.0, 120.0


@dataclass(frozen=True)
class Hang:
    """``opened``: seconds from SIGSTOP; ``closed``, ``settled``: from SIGCONT. ``users``: by ``before checkout``,
    ``hanging browse`` and so on. ``pending``: orders that were placed with their payment pending; ``unsettled``: those
    that still are. ``paid``: how many orders were paid so many times."""

    opened: float
    closed: float
    settled: float
    hung: float
    users: Mapping[str, Users]
    orders: int
    pending: int
    unsettled: int
    paid: Mapping[int, int]


def times_paid(orders: Sequence[str], book: Sequence[Mapping[str, object]]) -> dict[int, int]:
    """How many of the orders were paid so many times; all of them once is what is wanted."""
    taken = Counter(str(line["order"]) for line in book)
    return dict(Counter(taken[order] for order in orders))


def complaints(hang: Hang, p99: float) -> list[str]:
    """Everything that is not as it should be. ``p99``: what users are promised, seconds. Pure."""
    found = [f"{name}: {seen.failed} of {seen.requests} failed" for name, seen in hang.users.items() if seen.failed]
    for name, seen in hang.users.items():
        if seen.p99_ms is None or seen.p99_ms > p99 * 1000:
            found.append(f"{name}: p99 {seen.p99_ms} ms, promised {p99 * 1000:g} ms")
    if not hang.pending:
        found.append("no order was taken with its payment pending")
    if hang.unsettled:
        found.append(f"{hang.unsettled} payments are still pending")
    if set(hang.paid) != {1}:
        found.append(f"orders by how often they were paid: {dict(hang.paid)}")
    return found


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: from :data:`STEADY` before payments stop until as long after all is settled."""
    before, began = stage.journal.head(SERVICE).seq, time.time()
    with WriterProbe(stage) as probe:
        hang, until = _watch(stage, progress, began)
    seconds = {"opened": hang.opened, "closed": hang.closed, "settled": hang.settled}
    wrong = complaints(hang, sample_policy().objectives.latency_p99)
    others, found = unasked.opened_since(stage, before), {"hang": asdict(hang)}
    return unasked.row(stage, scenario, (began, until), probe.told(), seconds, None, others, found=found, wrong=wrong)


def _watch(stage: Stage, progress: Progress, began: float) -> tuple[Hang, float]:
    """What happened, and until when users are counted."""
    look = _eyes(stage)
    stage.let_pass(STEADY)  # the users' record before, not a condition
    stopped = time.time()
    opened = _hang(stage, look, stopped, progress)
    woken = time.time()
    closed = await_value(
        lambda: _since(woken, look() is Breaker.CLOSED), CLOSED_WITHIN, "the breaker does not close", 0.05
    )
    progress.say(f"  payments go on; the breaker is closed after {closed:.2f} s")
    settled = await_value(
        lambda: _since(woken, _pending(stage, began, woken)[1] == 0), SETTLED_WITHIN, "payments are still pending"
    )
    progress.say(f"  nothing is pending after {settled:.2f} s")
    stage.let_pass(STEADY)
    until = time.time()
    stage.let_pass(SETTLE)
    moments = {"before": (stopped - STEADY, stopped), "hanging": (stopped, woken), "after": (woken, until)}
    paid = times_paid(_orders(stage, began, until), payments.read(payments_book(stage.lab.places)))
    seen = by_class(entries(stage.load_dir)[0], moments)
    pending = _pending(stage, began, until)
    return Hang(opened, closed, settled, round(woken - stopped, 1), seen, sum(paid.values()), *pending, paid), until


def _hang(stage: Stage, look: Callable[[], Breaker], stopped: float, progress: Progress) -> float:
    """Payments stand still for :data:`LASTS`. Returns the seconds until the breaker was open."""
    pid = stage.lab.control().pid(PAYMENTS)
    os.kill(pid, signal.SIGSTOP)
    try:
        opened = await_value(
            lambda: _since(stopped, look() is Breaker.OPEN), OPEN_WITHIN, "the breaker does not open", 0.05
        )
        progress.say(f"  payments hang; the breaker is open after {opened:.2f} s")
        stage.let_pass(stopped + LASTS - time.time())
    finally:
        os.kill(pid, signal.SIGCONT)
    return opened


def _eyes(stage: Stage) -> Callable[[], Breaker]:
    policy = sample_policy()
    site = Deployment(stage.lab.places, stage.lab.env(), policy).site()
    driver: BreakingTraffic = registry.connect("traffic", policy.drivers.traffic.model_dump(), site)
    return lambda: driver.observe_breakers([PAYMENTS])[PAYMENTS].breaker


def _since(moment: float, holds: bool) -> float | None:
    return round(time.time() - moment, 2) if holds else None


def _orders(stage: Stage, since: float, until: float) -> list[str]:
    """Those that were placed meanwhile. What was paid is asked for afterwards: payment comes before the order."""
    import psycopg

    query = "select id from orders where created_at >= to_timestamp(%s) and created_at < to_timestamp(%s)"
    with psycopg.connect(stage.primary_url()) as connection:
        return [str(order) for (order,) in connection.execute(query, (since, until))]


def _pending(stage: Stage, since: float, until: float) -> tuple[int, int]:
    """How many orders were placed meanwhile with their payment pending, and of how many it still is."""
    import psycopg

    query = "select count(*), count(*) filter (where settled_at is null) from pending_payments"
    query += " where since >= to_timestamp(%s) and since < to_timestamp(%s)"
    with psycopg.connect(stage.primary_url()) as connection:
        row = connection.execute(query, (since, until)).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])
