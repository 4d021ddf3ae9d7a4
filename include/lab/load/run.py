"""One bounded run of users. Imported in the load's own process only: Locust patches sockets when it is imported."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import gevent
import locust.log  # noqa: F401  # first of all, since importing it patches sockets
from locust.env import Environment
from locust.event import Events

from lab.load import records
from lab.load.journal import FLUSH_EVERY, SUMMARY, Writer, entries
from lab.load.mix import pauses, weights
from lab.load.users import Visitor

STOP_WITHIN = 12  # seconds that users get to finish their last request


@dataclass(frozen=True)
class Bounds:
    """When a run ends by itself: whichever comes first. ``parent``: the process that started it, which it does not
    outlive. ``stop_file``: ends it when the file appears."""

    seconds: float
    max_requests: int
    parent: int
    stop_file: Path | None = None


@dataclass(frozen=True)
class Asks:
    """``rate``: requests in a second, of all; 0: as the users have it. ``mix``: endpoint class -> its part of 1."""

    rate: float
    mix: Mapping[str, float]


def run(host: str, users: int, spawn_rate: float, bounds: Bounds, directory: Path, asks: Asks | None = None) -> str:
    """Let ``users`` visit ``host`` until a bound is met or SIGTERM or SIGINT comes; why it ended.

    Writes ``load.jsonl`` as it goes and ``summary.json`` at the end.
    """
    logging.getLogger("locust").setLevel(logging.ERROR)
    (directory / SUMMARY).unlink(missing_ok=True)
    writer = Writer(directory)
    parts = urlsplit(host)
    Visitor.writer, Visitor.address = writer, (parts.hostname or "127.0.0.1", parts.port or 80)
    if asks is not None:
        Visitor.does, Visitor.pause = weights(asks.mix), pauses(asks.rate, users)
    environment = Environment(user_classes=[Visitor], events=Events(), host=host, stop_timeout=STOP_WITHIN)
    signals: list[str] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, signals.append, number.name)
    began = time.time()
    runner = environment.create_local_runner()
    runner.start(users, spawn_rate=spawn_rate)
    while not (why := _ended(bounds, began, writer.requests, signals)):
        gevent.sleep(FLUSH_EVERY)
        writer.flush()
    loaded_until = time.time()
    runner.quit()
    writer.close()
    _summarise(directory, began, loaded_until, why)
    return why


def _ended(bounds: Bounds, began: float, requests: int, signals: list[str]) -> str:
    """Why the run is over, "" while it is not."""
    if signals:
        return signals[0]
    if time.time() - began >= bounds.seconds:
        return "time"
    if requests >= bounds.max_requests:
        return "requests"
    if os.getppid() != bounds.parent:
        return "parent gone"
    return "stop file" if bounds.stop_file and bounds.stop_file.exists() else ""


def _summarise(directory: Path, began: float, until: float, why: str) -> None:
    """``summary.json``: the whole run, up to when its users were told to stop, and the requests of every second."""
    requests, _ = entries(directory)
    summary = {
        "ended_by": why,
        "window": asdict(records.read(directory, began, until)),
        "by_release": records.requests_by_release(directory, began, until),
        "requests_per_second": records.per_second(requests, began, until),
    }
    path = directory / SUMMARY
    fresh = path.with_suffix(".fresh")
    fresh.write_text(json.dumps(summary, indent=1))
    fresh.replace(path)
    window = summary["window"]
    sys.stderr.write(f"load ended by {why}: {window}\n")
