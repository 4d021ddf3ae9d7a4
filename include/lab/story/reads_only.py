"""Nobody can take a write for a while: a person has the router serve reads alone, and lets writes through again after.

The database of the first region takes no write, as one whose disk is full; it is up, and so is everything else.
"""

from __future__ import annotations

import http.client
import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from lab.airflow_api import await_value
from lab.load import records
from lab.load.journal import Request, entries
from lab.places import REGIONS
from lab.progress import Progress
from lab.story import unasked
from lab.story.scenario import Scenario
from lab.story.stage import Stage
from lab.story.writer_probe import WriterProbe

UNTIL_NOTICED = 3.0  # seconds until somebody types the command
LASTS = 20.0
AGAIN, AGAIN_WITHIN = 20, 60.0  # orders that must be placed once it is over, and seconds for them
LOOK_EVERY = 0.25
RETRY_AFTER = 7  # not what the shop itself would say
SLOWEST = 1000.0  # milliseconds that a write may take to be turned away, on a busy machine
BY = ("--by", "cat", "--reason", "the database's disk is full")


@dataclass(frozen=True)
class Turned:
    """The answer to one write of ours. ``told``: its Retry-After."""

    status: int
    told: str


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: what users saw from the first write that failed until orders are placed."""
    before, since = stage.journal.head("shop").seq, time.time()
    asked: list[Turned] = []
    with WriterProbe(stage) as probe:
        _writable(stage, on=False)
        try:
            stage.let_pass(UNTIL_NOTICED)
            progress.say(f"  cat: {stage.tidegate('stop-writes', 'shop', *BY, '--retry-after', str(RETRY_AFTER))}")
            stopped = time.time()
            asked = list(_writes_for(stage, LASTS))
            over = time.time()
        finally:
            _writable(stage, on=True)
        progress.say(f"  cat: {stage.tidegate('start-writes', 'shop', *BY)}")
        started = time.time()
        await_value(lambda: _ordered(stage, started) or None, AGAIN_WITHIN, "no orders are placed since")
    window, opened = (since, time.time()), unasked.opened_since(stage, before)
    time.sleep(records.SETTLE)
    between = [r for r in entries(stage.load_dir)[0] if stopped <= r.at < over]
    found = {**figures(between, asked), "orders_after": _orders(stage, started)}
    progress.say(f"  {found}")
    told = {"reads_only": found, "route_writes": len(stage.routes_written("writes"))}
    row = unasked.row(stage, scenario, window, probe.told(), {"reads_only": round(over - stopped, 1)}, None, opened)
    wrong = list(mistakes(told))
    if not wrong:
        return {**row, **told}
    return {**row, **told, "ok": False, "why": "; ".join([*([] if row["ok"] else [row["why"]]), *wrong])}


def figures(requests: Sequence[Request], asked: Sequence[Turned]) -> dict[str, Any]:
    """Of the users' requests while reads alone were served, and of our own writes. A new visitor's first page is a read
    as well: the shop shows it without a session then."""
    writes = [r for r in requests if r.endpoint == "checkout"]
    reads = [r for r in requests if r.endpoint != "checkout"]
    return {
        "reads": len(reads),
        "reads_failed": sum(r.failed for r in reads),
        "first_pages": sum(not r.session for r in reads),
        "writes": len(writes),
        "writes_turned_away": sum(r.status == http.HTTPStatus.SERVICE_UNAVAILABLE and not r.release for r in writes),
        "slowest_write": round(max((r.ms for r in writes), default=0.0), 1),
        "asked": len(asked),
        "told_to_come_again": sum(one == Turned(503, str(RETRY_AFTER)) for one in asked),
    }


def mistakes(row: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it should be. ``release`` empty: no instance has answered, the router has."""
    found = row["reads_only"]
    if found["reads_failed"] or not found["reads"]:
        yield f"reads: expected all to be served, got {found}"
    if found["writes_turned_away"] != found["writes"] or not found["writes"] or found["slowest_write"] > SLOWEST:
        yield f"writes: expected every one to be answered 503 by the router at once, got {found}"
    if found["told_to_come_again"] != found["asked"] or not found["asked"]:
        yield f"writes: expected Retry-After: {RETRY_AFTER} on each, got {found}"
    if row["route_writes"] != 2:
        yield f"routes: expected one write to stop and one to start, got {row['route_writes']}"


def _writable(stage: Stage, *, on: bool) -> None:
    """Whether the first region's database takes writes; no connection is cut."""
    import psycopg

    url = stage.lab.databases().cluster(REGIONS[0]).url(stage.lab.site().secrets, "postgres")
    said = "reset default_transaction_read_only" if on else "set default_transaction_read_only = on"
    with psycopg.connect(url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"alter system {said}")
        connection.execute("select pg_reload_conf()")


def _writes_for(stage: Stage, seconds: float) -> Iterator[Turned]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.load_goes_on()
        yield _write(stage.lab.edge_address())
        time.sleep(LOOK_EVERY)


def _write(address: str) -> Turned:
    host, _, port = address.removeprefix("http://").partition(":")
    order = json.dumps({"key": str(uuid.uuid4()), "quantity": 1, "product": "tea"})
    with closing(http.client.HTTPConnection(host, int(port), timeout=10)) as connection:
        connection.request("POST", "/orders", order, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return Turned(answer.status, answer.getheader("retry-after", ""))


def _orders(stage: Stage, since: float) -> int:
    return len(records.orders_acknowledged(stage.load_dir, since, time.time()))


def _ordered(stage: Stage, since: float) -> bool:
    return _orders(stage, since) >= AGAIN
