"""Asking for a payment (``SHOP_PAYMENTS``, an address behind a circuit breaker), and what is done while nobody answers.

A payment is asked for under its order's id and taken once however often it is asked for. So an order whose payment is
not known to be taken is placed all the same, with its payment pending, and asked again until it is known.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from urllib.parse import urlsplit

import psycopg
from psycopg_pool import PoolTimeout

from .store import Store

LONGEST = 3.0  # seconds, should the breaker itself not answer; it is the breaker that has the time-out that counts
PAUSE = 1.0  # seconds between two looks for what is pending
AT_ONCE = 10  # pending payments that a process takes upon itself
MOST_IDLE = 16
TAKEN = (200, 201)
log = logging.getLogger("shop.payments")
_Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Payments:
    """Keeps connections open between calls; a connection carries one call at a time."""

    def __init__(self, address: str) -> None:
        where = urlsplit(address)
        self._host, self._port = where.hostname or "", where.port or 80
        self._idle: list[_Line] = []

    async def take(self, order_id: str, cents: int) -> bool:
        """True if the payment is known to be taken. False says nothing: it may be, and is asked for again."""
        body = json.dumps({"cents": cents}).encode()
        head = f"PUT /payments/{order_id} HTTP/1.1\r\nhost: payments\r\ncontent-length: {len(body)}\r\n\r\n"
        try:
            async with asyncio.timeout(LONGEST):
                return await self._ask(head.encode() + body) in TAKEN
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            return False

    async def close(self) -> None:
        while self._idle:
            self._idle.pop()[1].close()

    def _kept(self) -> _Line | None:
        """An open connection that nobody uses, None if there is none; one that the other side has closed is no use."""
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof():
                return reader, writer
            writer.close()
        return None

    async def _ask(self, request: bytes) -> int:
        reader, writer = self._kept() or await asyncio.open_connection(self._host, self._port)
        try:
            writer.write(request)
            await writer.drain()
            status, stays = await _answer(reader)
        except BaseException:
            writer.close()
            raise
        if stays and len(self._idle) < MOST_IDLE:
            self._idle.append((reader, writer))
        else:
            writer.close()
        return status


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bool]:
    """The status, and whether the connection may carry another call. Raises ValueError for no HTTP."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status, headers = int(lines[0].split(" ")[1]), dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    if "content-length" not in headers:
        return status, False
    await reader.readexactly(int(headers["content-length"]))
    return status, headers.get("connection") != "close"


async def settle(store: Store, payments: Payments) -> None:
    """Ask again for what is pending, until cancelled. Every process does; each takes upon itself what no other has."""
    while True:
        if not await _settle_some(store, payments):
            await asyncio.sleep(PAUSE)


async def _settle_some(store: Store, payments: Payments) -> bool:
    """Whether there was something, and all of it was settled: then there may be more. One that is not holds up no
    other."""
    with contextlib.suppress(psycopg.Error, PoolTimeout):  # the database moves, or is away: later
        pending = await store.pending(AT_ONCE)
        settled = 0
        for order_id, cents in pending:
            if await payments.take(order_id, cents):
                await store.settled(order_id)
                settled += 1
        return 0 < settled == len(pending)
    return False
