"""One user of the shop: sessions of exponential length, one after the other. For the load's own process only."""

from __future__ import annotations

import json
import random
import time
import uuid
from dataclasses import dataclass
from typing import Any, ClassVar

from geventhttpclient import HTTPClient
from locust import User, task

from lab.load.journal import TURNED_AWAY, Request, SessionEvent, Writer
from lab.load.mix import MIX, WAIT

COOKIE = "shop_session"
SESSION_MEAN = 30.0  # seconds
TIMEOUT = 10.0  # seconds to an answer
PRODUCTS = ("tea", "cup", "kettle")
SESSION_UNKNOWN = 440


@dataclass
class Answer:
    """``status`` 0: none. ``body``: the JSON object, {} if there is none."""

    status: int
    body: dict[str, Any]
    release: str = ""
    cookie: str = ""
    error: str = ""


class Visitor(User):  # type: ignore[misc]  # mypy sees no types of Locust
    """Walks through the shop until the run stops. ``writer`` is set by the run before any user starts, and so are
    ``does``, what is asked for how often, and ``pause``, between two requests."""

    writer: Writer
    address: tuple[str, int]
    does: ClassVar[dict[str, float]] = MIX
    pause: ClassVar[tuple[float, float]] = WAIT
    cookie: str
    session: str  # public id, "" while there is none
    last_order: str
    orders: int  # placed in this session
    leaves_at: float  # epoch seconds

    def on_start(self) -> None:
        self.rng = random.Random()  # noqa: S311
        host, port = self.address
        self.http = HTTPClient(host, port, connection_timeout=TIMEOUT, network_timeout=TIMEOUT, concurrency=1)
        self.http._connection_pool.size = -1  # it would send a GET again by itself; a user's failure must stay visible
        self._forget()

    def on_stop(self) -> None:
        if self.session:
            self._event("e")
        self.http.close()

    def wait_time(self) -> float:
        return self.rng.uniform(*self.pause)

    @task  # type: ignore[untyped-decorator]
    def act(self) -> None:
        if self.session and time.time() >= self.leaves_at:
            self._event("e")
            self._forget()
        if not self.session:
            self._arrive()
        else:
            getattr(self, f"_{self._choose()}")()

    def _choose(self) -> str:
        chosen = self.rng.choices(list(self.does), list(self.does.values()))[0]
        return "cart" if chosen in ("order", "receipt") and not self.last_order else chosen

    def _arrive(self) -> None:
        """The first page: the shop must hand out a session, or say that it has none to give at the moment."""
        at = time.time()
        answer = self._ask("GET", "/")
        session = answer.cookie.partition(".")[0]
        none_now = answer.body.get("session", "") is None
        self._record(at, "home", answer, "" if answer.status == 200 and (session or none_now) else "no session")
        if answer.status == 200 and session:
            self.cookie, self.session = answer.cookie, session
            self.leaves_at = time.time() + self.rng.expovariate(1 / SESSION_MEAN)
            self._event("s")

    def _home(self) -> None:
        self._read("home", "/", lambda body: body.get("session") == self.session)

    def _products(self) -> None:
        self._read("products", "/products", lambda body: set(PRODUCTS) <= set(body.get("products", ())))

    def _cart(self) -> None:
        self._read("cart", "/cart", lambda body: body.get("orders", -1) >= self.orders)

    def _order(self) -> None:
        self._read("order", f"/orders/{self.last_order}", lambda body: body.get("order_id") == self.last_order)

    def _receipt(self) -> None:
        self._read("receipt", f"/receipts/{self.last_order}", lambda body: body.get("order_id") == self.last_order)

    def _read(self, endpoint: str, path: str, right: Any) -> None:
        at = time.time()
        answer = self._ask("GET", path)
        self._record(at, endpoint, answer, "" if answer.status == 200 and right(answer.body) else "wrong answer")
        self._lose_if_broken(answer)

    def _checkout(self) -> None:
        key, at = str(uuid.UUID(int=self.rng.getrandbits(128), version=4)), time.time()
        order = {"key": key, "quantity": self.rng.randint(1, 5), "product": self.rng.choice(PRODUCTS)}
        answer = self._ask("POST", "/orders", json.dumps(order))
        placed = answer.status == 201 and answer.body.get("order_id") == key
        self._record(at, "checkout", answer, "" if placed else "not placed", key if placed else "")
        if placed:
            self.last_order, self.orders = key, self.orders + 1
        self._lose_if_broken(answer)

    def _lose_if_broken(self, answer: Answer) -> None:
        """The shop no longer knows the session, or gave us another one unasked."""
        if answer.status == SESSION_UNKNOWN or answer.cookie:
            self._event("b")
            self._forget()

    def _forget(self) -> None:
        self.cookie = self.session = self.last_order = ""
        self.leaves_at, self.orders = 0.0, 0

    def _ask(self, method: str, path: str, body: str = "") -> Answer:
        headers = {"Cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {}
        if body:
            headers["Content-Type"] = "application/json"
        try:
            response = self.http.request(method, path, body=body, headers=headers)
            content = response.read()
        except Exception as error:  # whatever the client raises, the user got no answer
            return Answer(0, {}, error=type(error).__name__)
        cookie = _cookie(str(response.get("set-cookie", "")))
        release, again = str(response.get("x-release", "")), response.get("retry-after")
        wrong = TURNED_AWAY if response.status_code == 503 and again and not release else ""
        return Answer(response.status_code, _object(content), release, cookie, wrong)

    def _record(self, at: float, endpoint: str, answer: Answer, wrong: str, order: str = "") -> None:
        ms = (time.time() - at) * 1000
        error = answer.error or wrong
        self.writer.request(Request(at, self.session, endpoint, answer.status, ms, answer.release, order, error))

    def _event(self, what: str) -> None:
        self.writer.session(SessionEvent(what, time.time(), self.session))


def _cookie(header: str) -> str:
    name, _, value = header.partition(";")[0].partition("=")
    return value if name == COOKIE else ""


def _object(content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(bytes(content))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
