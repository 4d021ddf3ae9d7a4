"""A stand-in for the shop that answers at once, and badly on demand: what the load has to notice."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class StubShop(ThreadingHTTPServer):
    """``mood``: ``good``; ``amnesia`` (every session is unknown); ``replace`` (``/`` hands out a new session each
    time); ``error`` (checkouts answer 500); ``liar`` (confirms another order); ``mute`` (no answer to /cart)."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.mood = "good"
        self.cookies: set[str] = set()
        self.requests = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: StubShop

    def do_GET(self) -> None:
        self.server.requests += 1
        cookie = self.headers.get("cookie", "").removeprefix("shop_session=")
        if self.path == "/":
            self._home(cookie)
        elif self.path == "/products":
            self._say(200, {"products": {"tea": 1, "cup": 2, "kettle": 3}})
        elif self.server.mood == "amnesia":
            self._say(440, {})
        elif self.path == "/cart" and self.server.mood == "mute":
            self.close_connection = True
        elif self.path == "/cart":
            self._say(200, {"orders": 1000})
        else:
            self._say(200, {"order_id": self.path.rpartition("/")[2]})  # an order, or its receipt

    def do_POST(self) -> None:
        self.server.requests += 1
        order = json.loads(self.rfile.read(int(self.headers["content-length"])))
        replies = {"error": (500, {}), "amnesia": (440, {}), "liar": (201, {"order_id": "another"})}
        self._say(*replies.get(self.server.mood, (201, {"order_id": order["key"]})))

    def _home(self, cookie: str) -> None:
        if cookie in self.server.cookies and self.server.mood != "replace":
            self._say(200, {"session": cookie.partition(".")[0]})
            return
        cookie = f"{secrets.token_hex(8)}.{secrets.token_hex(16)}"
        self.server.cookies.add(cookie)
        self._say(200, {"session": cookie.partition(".")[0]}, f"shop_session={cookie}; Path=/; HttpOnly")

    def _say(self, status: int, value: dict[str, Any], cookie: str = "") -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("x-release", "9.9.9")
        if cookie:
            self.send_header("set-cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def stub_shop() -> Iterator[StubShop]:
    with StubShop() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(10)
