"""``python -m lab.story.hangs [--seconds 20]``: under load the shop's payments hang (SIGSTOP) and go on again: when the
breaker opens and closes, what users notice of it, and whether every order is paid, once.

Without Airflow: no operation has a part in it. Clocks: the users' own for what they saw, this process's for the rest.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from lab import payments
from lab.airflow_api import await_value
from lab.beside import the_lab
from lab.deployment import Deployment, sample_policy
from lab.load.journal import Request, entries
from lab.places import REPOSITORY
from lab.progress import Progress, on_stdout
from lab.story.__main__ import set_the_stage
from lab.story.stage import Stage
from lab.third_place import PAYMENTS, payments_book
from tidegate.drivers import registry
from tidegate.drivers.traffic.contract import BreakingTraffic
from tidegate.errors import NotSettled, TidegateError
from tidegate.model.dependency import Breaker

STEADY = 10.0  # seconds of users before it hangs, and after all is settled
OPEN_WITHIN, CLOSED_WITHIN, SETTLED_WITHIN = 30.0, 60.0, 120.0
CHECKOUT = "checkout"


@dataclass(frozen=True)
class Users:
    """What users of some requests saw. ``p99_ms``: None without requests."""

    requests: int
    failed: int
    p99_ms: float | None


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


def users(requests: Sequence[Request]) -> Users:
    """Of all of them together."""
    times = sorted(request.ms for request in requests)
    p99 = round(times[min(len(times) - 1, int(len(times) * 0.99))], 1) if times else None
    return Users(len(requests), sum(request.failed for request in requests), p99)


def by_class(requests: Sequence[Request], moments: Mapping[str, tuple[float, float]]) -> dict[str, Users]:
    """What users saw, moment by moment: of checkout, and of everything else."""
    found = {}
    for name, (since, until) in moments.items():
        within = [r for r in requests if since <= r.at < until]
        found[f"{name} {CHECKOUT}"] = users([r for r in within if r.endpoint == CHECKOUT])
        found[f"{name} browse"] = users([r for r in within if r.endpoint != CHECKOUT])
    return found


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


def hang_once(stage: Stage, seconds: float, progress: Progress) -> Hang:
    """Stop payments, look, let them go on, and watch until everything is settled."""
    look, pid = _eyes(stage), stage.lab.control().pid(PAYMENTS)
    time.sleep(STEADY)  # the users' record before, not a condition
    stopped = time.time()
    os.kill(pid, signal.SIGSTOP)
    try:
        opened = await_value(
            lambda: _since(stopped, look() is Breaker.OPEN), OPEN_WITHIN, "the breaker does not open", 0.05
        )
        progress.say(f"  payments hang; the breaker is open after {opened:.2f} s")
        while time.time() < stopped + seconds:
            stage.load_goes_on()
            time.sleep(0.1)
    finally:
        os.kill(pid, signal.SIGCONT)
    woken = time.time()
    closed = await_value(
        lambda: _since(woken, look() is Breaker.CLOSED), CLOSED_WITHIN, "the breaker does not close", 0.05
    )
    progress.say(f"  payments go on; the breaker is closed after {closed:.2f} s")
    settled = await_value(lambda: _since(woken, _pending(stage)[1] == 0), SETTLED_WITHIN, "payments are still pending")
    progress.say(f"  nothing is pending after {settled:.2f} s")
    time.sleep(STEADY)
    moments = {"before": (stopped - STEADY, stopped), "hanging": (stopped, woken), "after": (woken, time.time())}
    stage.stop_load()
    orders, pending = _orders(stage), _pending(stage)
    seen = by_class(entries(stage.load_dir)[0], moments)
    paid = times_paid(orders, payments.read(payments_book(stage.lab.places)))
    return Hang(opened, closed, settled, round(woken - stopped, 1), seen, len(orders), *pending, paid)


def _eyes(stage: Stage) -> Callable[[], Breaker]:
    policy = sample_policy()
    site = Deployment(stage.lab.places, stage.lab.env(), policy).site()
    driver: BreakingTraffic = registry.connect("traffic", policy.drivers.traffic.model_dump(), site)
    return lambda: driver.observe_breakers([PAYMENTS])[PAYMENTS].breaker


def _since(moment: float, holds: bool) -> float | None:
    return round(time.time() - moment, 2) if holds else None


def _orders(stage: Stage) -> list[str]:
    with psycopg.connect(stage.primary_url()) as connection:
        return [str(order) for (order,) in connection.execute("select id from orders")]


def _pending(stage: Stage) -> tuple[int, int]:
    """How many orders were placed with their payment pending, and of how many it still is."""
    query = "select count(*), count(*) filter (where settled_at is null) from pending_payments"
    with psycopg.connect(stage.primary_url()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def play(seconds: float, out: Path, progress: Progress) -> Hang:
    """In a lab of its own, up from nothing and down again."""
    lab = the_lab(progress, REPOSITORY / "dags")
    if not lab.up(airflow=False):
        raise NotSettled("a lab is up already", next_step="make down")
    stage = None
    try:
        stage = set_the_stage(lab, out, progress)
        return hang_once(stage, seconds, progress)
    finally:
        if stage is not None:
            stage.stop_load()
        lab.down()


def main() -> int:
    """0: as it should be. 1: not. 2: it could not be run. 130: interrupted."""
    parser = argparse.ArgumentParser(prog="lab.story.hangs", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    seconds = parser.parse_args().seconds
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    out = REPOSITORY / "build" / "hang"
    try:
        hang = play(seconds, out, on_stdout())
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2
    wrong = complaints(hang, sample_policy().objectives.latency_p99)
    report = {**asdict(hang), "complaints": wrong}
    (out / "report.json").write_text(json.dumps(report, indent=1))
    print(json.dumps(report, indent=1))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
