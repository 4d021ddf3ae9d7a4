"""Clients of a database that moves: each write that was acknowledged is known, and where it was taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import psycopg


@dataclass
class Clients:
    """One client per region, so that each region is asked all the time whether it takes a write, every 50 ms and more
    often. ``begins``: where writes are taken at first. ``taken``: number of the write, region and time; in the order of
    their acknowledgements."""

    urls: Mapping[str, str]
    begins: str = "east"
    taken: list[tuple[int, str, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop, self._lock, self._next = threading.Event(), threading.Lock(), 0
        self._threads = [threading.Thread(target=self._write, args=(r,), daemon=True) for r in self.urls]

    def __enter__(self) -> Clients:
        with psycopg.connect(self.urls[self.begins], autocommit=True) as connection:
            connection.execute("create table if not exists writes (number bigint primary key, region text)")
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def await_write(self, region: str, after: int | None = None, within: float = 60.0) -> None:
        """Return once ``region`` has acknowledged something new."""
        start, deadline = len(self.taken) if after is None else after, time.monotonic() + within
        while not any(r == region for _, r, _ in list(self.taken)[start:]):
            assert time.monotonic() < deadline, f"{region} took no write: {self.taken[-3:]}"
            time.sleep(0.01)

    def regions(self) -> list[str]:
        """Where writes were acknowledged, in order, each stretch once."""
        stretches: list[str] = []
        for _, region, _ in list(self.taken):
            if stretches[-1:] != [region]:
                stretches.append(region)
        return stretches

    def pause(self) -> float:
        """The longest time between two acknowledgements, in seconds."""
        times = [at for _, _, at in self.taken]
        return max(b - a for a, b in pairwise(times))

    def lost(self, url: str) -> list[int]:
        """Acknowledged, and not there now."""
        with psycopg.connect(url) as connection:
            there = {number for (number,) in connection.execute("select number from writes").fetchall()}
        return [number for number, _, _ in self.taken if number not in there]

    def _write(self, region: str) -> None:
        connection: psycopg.Connection[object] | None = None
        while not self._stop.wait(0.01):
            try:
                if connection is None or connection.closed:
                    connection = psycopg.connect(self.urls[region], autocommit=True, connect_timeout=2)
                    connection.execute("set statement_timeout = '3s'")
                connection.execute("insert into writes values (%s, %s)", (number := self._number(), region))
                self.taken.append((number, region, time.monotonic()))
            except psycopg.Error:
                self._stop.wait(0.02)

    def _number(self) -> int:
        with self._lock:
            self._next += 1
            return self._next
