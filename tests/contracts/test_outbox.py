"""The outbox on a real PostgreSQL: an order and its message are one, and a job that was replaced commits nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from lab import worker as worker_module
from lab.inbox import Inbox, arrivals, handler
from lab.shop.cookie import new_token
from lab.shop.store import Store
from lab.worker import REPLACED, ReplacedError, Worker
from tests.support.envoy import wait_until
from tests.support.shop import ended, shop_database

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with shop_database() as url:
        yield url.replace("postgresql+psycopg://", "postgresql://", 1)


@pytest.fixture
def url(database: str) -> str:
    with psycopg.connect(database) as connection:
        connection.execute("truncate outbox, job_epochs")
    return database


@contextmanager
def receiver(record: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Inbox(record)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/messages"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def ordered(url: str, count: int) -> list[str]:
    keys = [str(uuid.uuid4()) for _ in range(count)]
    with psycopg.connect(url) as connection:
        for key in keys:
            connection.execute("insert into outbox (key, body) values (%s, '{}')", (key,))
    return keys


def unsent(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        return {row[0] for row in connection.execute("select key::text from outbox where sent_at is null")}


def take(url: str, epoch: int) -> None:
    """A newer job has begun."""
    with psycopg.connect(url) as connection:
        Worker(url, "http://127.0.0.1:1", "outbox", epoch).read(connection)


def test_an_order_is_written_with_its_message_and_not_a_second_time(url: str) -> None:
    async def place() -> str:
        store, token, key = Store(url), new_token(), str(uuid.uuid4())
        await store.open()
        await store.add_session(token)
        for _ in range(2):
            await store.place(token, key, 2, 500, "1.0.0")
        await store.close()
        return key

    key = asyncio.run(place())
    assert unsent(url) == {key}


def test_one_that_was_replaced_reads_nothing_and_notes_nothing(url: str) -> None:
    keys = ordered(url, 3)
    old = Worker(url, "http://127.0.0.1:1", "outbox", 3)
    with psycopg.connect(url) as connection:
        found = old.read(connection)
        assert {key for key, _ in found} == set(keys)
        take(url, 7)
        with pytest.raises(ReplacedError, match="a newer epoch than 3"):
            old.note(connection, keys)
        with pytest.raises(ReplacedError):
            old.read(connection)
    assert unsent(url) == set(keys), "what it sent counts for nothing here: the next one sends it, by the same key"


def test_an_epoch_binds_the_job_of_that_name_alone(url: str) -> None:
    take(url, 7)
    with psycopg.connect(url) as connection:
        assert Worker(url, "", "another", 3).read(connection) == []


@contextmanager
def process(url: str, inbox: str, epoch: int) -> Iterator[subprocess.Popen[bytes]]:
    told = {"SHOP_DB_URL": url, "SHOP_INBOX": inbox, "SHOP_EPOCH": str(epoch), "SHOP_SINGLETON": "outbox"}
    command = [sys.executable, worker_module.__file__]
    env = {"PATH": os.environ["PATH"], **told}
    with ended(subprocess.Popen(command, env=env, start_new_session=True)) as running:
        yield running


def test_a_frozen_one_that_wakes_up_after_it_was_replaced_ends_and_nothing_is_taken_twice(
    url: str, tmp_path: Path
) -> None:
    record = tmp_path / "inbox.jsonl"
    with receiver(record) as inbox, process(url, inbox, 3) as old:
        first = ordered(url, 20)
        wait_until(lambda: not unsent(url), "sent by the first", 120)
        os.kill(old.pid, signal.SIGSTOP)
        with process(url, inbox, 7) as new:
            second = ordered(url, 20)
            wait_until(lambda: not unsent(url), "sent by the second", 120)
            os.kill(old.pid, signal.SIGCONT)
            assert old.wait(120) == REPLACED
            new.send_signal(signal.SIGTERM)
            assert new.wait(120) == 0
    taken = [line["key"] for line in arrivals(record) if line["taken"]]
    assert sorted(taken) == sorted(first + second)
    assert epochs(record) == {"3": 20, "7": 20}


def epochs(record: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in arrivals(record):
        found[line["epoch"]] = found.get(line["epoch"], 0) + line["taken"]
    return found


def test_a_message_that_was_sent_and_not_noted_goes_out_again_and_is_taken_once(url: str, tmp_path: Path) -> None:
    record = tmp_path / "inbox.jsonl"
    (key,) = ordered(url, 1)
    with receiver(record) as inbox, psycopg.connect(url) as connection:
        killed, body = Worker(url, inbox, "outbox", 3), json.loads("{}")
        killed.send(key, body)  # and no more of it
        following = Worker(url, inbox, "outbox", 7)
        sent: list[Any] = following.read(connection)
        for found, text in sent:
            following.send(found, text)
        following.note(connection, [found for found, _ in sent])
    assert [line["taken"] for line in arrivals(record)] == [True, False]
    assert unsent(url) == set()
