"""Named links between the regions: one small TCP proxy process that can delay or cut each of them.

A cut link behaves like a partition: nothing is refused and nothing is closed, bytes just do not arrive until the link
is joined again. Control is one JSON line over loopback: ``{"link": "west-to-east-db", "cut": true, "delay": 0.2}``
changes a link, ``{}`` changes nothing; either is answered by the state of all links.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.ports import ADDRESS
from tidegate.errors import Refused, Unreachable

_CHUNK = 64 * 1024
_IN_FLIGHT = 64  # chunks that a delayed link holds before it stops reading


@dataclass
class Link:
    """One link. ``delay``: seconds that every byte takes, each way."""

    name: str
    listen: int
    target: int
    delay: float = 0.0
    joined: asyncio.Event = field(default_factory=asyncio.Event)
    connections: int = 0

    def __post_init__(self) -> None:
        self.joined.set()

    def change(self, cut: bool | None, delay: float | None) -> None:
        if delay is not None:
            self.delay = max(0.0, float(delay))
        if cut is True:
            self.joined.clear()
        elif cut is False:
            self.joined.set()

    def state(self) -> dict[str, Any]:
        return {"cut": not self.joined.is_set(), "delay": self.delay, "connections": self.connections}


@dataclass(frozen=True)
class LinkControl:
    """Asks the links' process. ``port``: its control port on loopback."""

    port: int

    def states(self) -> dict[str, dict[str, Any]]:
        """Every link's state by name. Raises :class:`Unreachable`."""
        return self._ask({})

    def set(self, link: str, *, cut: bool | None = None, delay: float | None = None) -> dict[str, Any]:
        """Change one link; returns once the change is in force. Raises :class:`Refused` for an unknown link."""
        states = self._ask({"link": link, "cut": cut, "delay": delay})
        if link not in states:
            raise Refused(f"unknown link {link!r}", next_step=f"known links: {', '.join(states)}")
        return states[link]

    def _ask(self, request: dict[str, Any]) -> dict[str, dict[str, Any]]:
        try:
            with socket.create_connection((ADDRESS, self.port), timeout=2.0) as connection:
                connection.sendall(json.dumps(request).encode() + b"\n")
                answer: dict[str, dict[str, Any]] = json.loads(connection.makefile().readline())
                return answer
        except (OSError, ValueError) as error:
            raise Unreachable(f"the lab's links do not answer on port {self.port}", next_step="make status") from error


async def serve(config: Mapping[str, Any]) -> None:
    """Serve every link and the control port until cancelled."""
    links = {name: Link(name, item["listen"], item["target"]) for name, item in config["links"].items()}
    async with contextlib.AsyncExitStack() as stack:
        for link in links.values():
            await stack.enter_async_context(await asyncio.start_server(_accept(link), ADDRESS, link.listen))
        control = await asyncio.start_server(_controller(links), ADDRESS, config["control"])
        await stack.enter_async_context(control)
        await asyncio.Event().wait()


def _controller(links: Mapping[str, Link]) -> Any:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError), contextlib.closing(writer):
            request = json.loads(await reader.readline())
            link = links.get(request.get("link", ""))
            if link is not None:
                link.change(request.get("cut"), request.get("delay"))
            writer.write(json.dumps({name: one.state() for name, one in links.items()}).encode() + b"\n")
            await writer.drain()

    return handle


def _accept(link: Link) -> Any:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link.connections += 1
        try:
            await link.joined.wait()
            far_reader, far_writer = await asyncio.open_connection(ADDRESS, link.target)
            await _both(_carry(link, reader, far_writer), _carry(link, far_reader, writer))
        except OSError:
            return
        finally:
            link.connections -= 1
            writer.close()

    return handle


async def _both(there: Any, back: Any) -> None:
    """Until either direction ends; the other is then of no use to a database's client."""
    tasks = [asyncio.ensure_future(there), asyncio.ensure_future(back)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carry(link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Bytes of one direction, each ``link.delay`` after it came, none while the link is cut."""
    queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)
    loop = asyncio.get_running_loop()

    async def receive() -> None:
        chunk = b"-"
        while chunk:
            try:
                chunk = await reader.read(_CHUNK)
            except ConnectionError:
                chunk = b""  # a reset ends the direction as an orderly end does
            await queue.put((loop.time(), chunk))

    receiver = asyncio.ensure_future(receive())
    try:
        while True:
            came, chunk = await queue.get()
            await asyncio.sleep(max(0.0, came + link.delay - loop.time()))
            await link.joined.wait()
            if not chunk:
                return
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        return
    finally:
        receiver.cancel()
        writer.close()


def main() -> None:
    """``python -m lab.links CONFIG``."""
    parser = argparse.ArgumentParser(prog="lab.links")
    parser.add_argument("config", type=Path)
    config = json.loads(parser.parse_args().config.read_text())
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(config))


if __name__ == "__main__":
    main()
