"""``python -m lab.payments --port N --book FILE``: who takes the shop's payments, in the third place.

``PUT /payments/<order>`` with ``{"cents": …}`` takes a payment once, however often it is asked for: 201 the first time,
200 afterwards. Each payment that was really taken is one line of the book, which a process that is started again reads
first. ``GET /_health`` says that it is well.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TextIO

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lab.ports import ADDRESS

HEALTH = "/_health"
KEEP_ALIVE = 3600  # seconds; longer than the edge keeps idle connections


class Book:
    """What was taken, by order. Lines are on disk when :meth:`take` returns to whoever asked."""

    def __init__(self, path: Path) -> None:
        self._taken = {line["order"] for line in read(path)}
        self._file: TextIO = path.open("a", buffering=1)

    def take(self, order: str, cents: int) -> bool:
        """True if it is taken now, False if it was before."""
        if order in self._taken:
            return False
        self._taken.add(order)
        self._file.write(json.dumps({"at": time.time(), "order": order, "cents": cents}) + "\n")
        return True


def read(path: Path) -> list[dict[str, object]]:
    """Every payment that was taken, in order."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def application(book: Book) -> Starlette:
    async def pay(request: Request) -> Response:
        cents = json.loads(await request.body()).get("cents")
        if type(cents) is not int or cents < 0:
            return JSONResponse({"error": "expected {cents: a whole number}"}, 422)
        new = book.take(str(request.path_params["order"]), cents)
        return JSONResponse({"paid": True}, 201 if new else 200)

    async def health(_: Request) -> Response:
        return JSONResponse({"ok": True})

    return Starlette(routes=[Route("/payments/{order:uuid}", pay, methods=["PUT"]), Route(HEALTH, health)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="lab.payments")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--book", type=Path, required=True)
    options = parser.parse_args()
    uvicorn.run(
        application(Book(options.book)),
        host=ADDRESS,
        port=options.port,
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE,
    )


if __name__ == "__main__":
    main()
