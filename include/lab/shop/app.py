"""The shop's HTTP interface. Every answer carries the header ``x-release``, how many days a delivery takes (from the
release's configuration) and which key signs receipts (by name and version); where a flag had a say, ``x-flags``. Its
one asset may be kept by caches, and says of which release it is."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg_pool import PoolTimeout
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .cookie import NAME, SessionToken, new_token, parse_token
from .dials import DialFile, Dials
from .digest import DIGEST
from .fault import BUILT_IN
from .flags import Flags
from .leak import Leak, leaking
from .payments import Payments, settle
from .release import VERSION
from .settings import SETTINGS
from .store import AWAY, KeyTakenError, Order, Store, UnknownSessionError
from .timing import browse_seconds, checkout_seconds

PRODUCTS = {"tea": 450, "cup": 1200, "kettle": 4900}  # cents
HEALTH = "/_health"
NEW_BASKET = "new_basket"  # the flag of a feature: baskets that remember
SESSION_UNKNOWN = 440  # "login time-out": the cookie's session is gone
RETRY_AFTER = 2  # seconds, told to whoever wanted to write while no database takes writes
DATABASE_FRESH = 5.0  # seconds after its last answer for which the database counts as there


class Shop:
    """The handlers and what they share. ``draining``: set when the process has been told to stop. ``asked_at``: when a
    user asked for something last, by the monotonic clock."""

    def __init__(
        self, database_url: str, dial_file: Path | None = None, flag_file: Path | None = None, payments: str = ""
    ) -> None:
        self.store = Store(database_url)
        self.payments = Payments(payments) if payments else None
        self.flags = Flags(flag_file, SETTINGS.flags)
        self.draining = False
        self.asked_at = float("-inf")
        self._dials = DialFile(dial_file, VERSION, BUILT_IN)
        self.leak = Leak(self._dials.current)
        self._rng = random.Random()  # noqa: S311  # service times and faults, no secret

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        await asyncio.to_thread(self.flags.open)
        await self.store.open()
        settling = asyncio.create_task(settle(self.store, self.payments)) if self.payments else None
        yield
        if settling is not None and self.payments is not None:
            settling.cancel()
            await asyncio.gather(settling, return_exceptions=True)
            await self.payments.close()
        await self.store.close()
        self.flags.close()

    async def home(self, request: Request) -> Response:
        token = token_of(request)
        if token is not None and await self.store.knows(token):
            await self._browse()
            return JSONResponse({"session": token.public_id, "new": False})
        token = new_token()
        begun = await self._begin(token)
        await self._browse()
        if not begun:
            return JSONResponse({"session": None, "new": False})
        response = JSONResponse({"session": token.public_id, "new": True})
        response.headers["set-cookie"] = f"{NAME}={token.value}; Path=/; HttpOnly; SameSite=Lax"
        return response

    async def _begin(self, token: SessionToken) -> bool:
        """Whether the visitor has a session now. While nobody takes writes he sees the page without one; where not even
        a read is answered, whoever asked is told so."""
        try:
            await self.store.add_session(token)
        except AWAY:
            await self.store.knows(token)
            return False
        return True

    async def products(self, _: Request) -> Response:
        await self._browse()
        return JSONResponse({"products": PRODUCTS})

    async def cart(self, request: Request) -> Response:
        token = token_of(request)
        if token is None:
            raise UnknownSessionError
        if self._new_basket_fails(request, token):
            return JSONResponse({"error": "the new basket failed"}, 500)
        orders = await self.store.orders_of(token)
        await self._browse()
        return JSONResponse({"session": token.public_id, "orders": orders})

    async def checkout(self, request: Request) -> Response:
        wanted, token = parse_order(await request.body()), token_of(request)
        if wanted is None:
            return JSONResponse({"error": "expected {key: uuid, quantity: 1..100, product}"}, 422)
        if token is None:
            raise UnknownSessionError
        dials = self._dials.current()
        others = asyncio.sleep(checkout_seconds(self._rng, dials))  # whoever else is waited for, meanwhile
        if error := self._checkout_fails(request, token, dials):
            await others
            return JSONResponse({"error": error}, 500)
        key, quantity, product = wanted
        cents = quantity * PRODUCTS[product]
        _, paid = await asyncio.gather(others, self._pay(key, cents))
        astray = int(self._rng.random() < dials.wrong_quantities)
        order = await self.store.place(token, key, quantity, cents, VERSION, astray=astray, paid=paid)
        return JSONResponse({**describe(key, order), **({} if paid else {"payment": "pending"})}, 201)

    async def _pay(self, key: str, cents: int) -> bool:
        """Whether the payment need not be asked for again."""
        return self.payments is None or await self.payments.take(key, cents)

    def _checkout_fails(self, request: Request, token: SessionToken, dials: Dials) -> str:
        """What is wrong with this release's checkout this time, "" if nothing is."""
        if self._rng.random() < dials.checkout_failures:
            return "checkout failed"
        return "the new basket failed" if self._new_basket_fails(request, token) else ""

    async def order(self, request: Request) -> Response:
        token, order_id = token_of(request), request.path_params["order_id"]
        if token is None:
            raise UnknownSessionError
        order = await self.store.order(str(order_id))
        await self._browse()
        if order is None or order.session_id != token.public_id:
            return JSONResponse({"error": "no such order"}, 404)
        return JSONResponse(describe(str(order_id), order))

    async def receipt(self, request: Request) -> Response:
        """The receipt of an order of one's own; rarely asked for."""
        if self._rng.random() < self._dials.current().receipt_failures:
            return JSONResponse({"error": "no receipt can be written"}, 500)
        return await self.order(request)

    async def asset(self, _: Request) -> Response:
        """It may be kept for an hour: so whoever takes its release back has to have it purged."""
        headers = {"cache-control": "public, max-age=3600", "x-release-digest": DIGEST}
        return Response(f"/* shop {VERSION} */\nbody {{ font-family: sans-serif }}\n", 200, headers, "text/css")

    async def health(self, _: Request) -> Response:
        if self.draining:
            return JSONResponse({"ok": False, "why": "draining"}, 503)
        if not await self.store.ping(DATABASE_FRESH):
            return JSONResponse({"ok": False, "why": "database does not answer"}, 503)
        return JSONResponse({"ok": True})

    async def release(self, _: Request) -> Response:
        return JSONResponse(
            {"version": VERSION, "digest": DIGEST, "secrets": SETTINGS.secrets_digest, "pid": os.getpid()}
        )

    def _new_basket_fails(self, request: Request, token: SessionToken) -> bool:
        """Whether this customer has the new basket, and it fails. What the flag said goes with the answer."""
        decision = self.flags.ask(NEW_BASKET, token.public_id)
        if decision is None:
            return False
        request.state.flags = str(decision)
        return decision.on and self._rng.random() < self._dials.current().new_basket_failures

    async def _browse(self) -> None:
        await asyncio.sleep(browse_seconds(self._rng))


def application(shop: Shop) -> ASGIApp:
    """The ASGI application around ``shop``."""
    routes = [
        Route("/", shop.home),
        Route("/products", shop.products),
        Route("/cart", shop.cart),
        Route("/orders", shop.checkout, methods=["POST"]),
        Route("/orders/{order_id:uuid}", shop.order),
        Route("/receipts/{order_id:uuid}", shop.receipt),
        Route("/assets/shop.css", shop.asset),
        Route(HEALTH, shop.health),
        Route("/_release", shop.release),
    ]
    handlers: dict[Any, Any] = {
        UnknownSessionError: lambda _, __: JSONResponse({"error": "session unknown"}, SESSION_UNKNOWN),
        KeyTakenError: lambda _, __: JSONResponse({"error": "key belongs to another order"}, 409),
        psycopg.OperationalError: _database_away,
        psycopg.errors.ReadOnlySqlTransaction: _database_away,
        PoolTimeout: _database_away,
    }
    served = Starlette(routes=routes, exception_handlers=handlers, lifespan=shop.lifespan)
    return with_release(noting(leaking(served, shop.leak), shop))


def noting(app: ASGIApp, shop: Shop) -> ASGIApp:
    """``app``, and when it was asked last by anybody but the health checks."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != HEALTH:
            shop.asked_at = time.monotonic()
        await app(scope, receive, send)

    return wrapped


def _database_away(_: Request, __: Exception) -> Response:
    """Without any text of the driver's: it may hold an address."""
    return JSONResponse({"error": "database does not answer"}, 503, {"retry-after": str(RETRY_AFTER)})


def with_release(app: ASGIApp) -> ASGIApp:
    """``app`` with ``x-release`` and the settings on every answer, errors included, and the flags that had a say."""
    headers = [(b"x-release", VERSION.encode()), *SETTINGS.headers()]

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                flags = scope.get("state", {}).get("flags")
                said = [(b"x-flags", flags.encode())] if flags else []
                message["headers"] = [*message.get("headers", ()), *headers, *said]
            await send(message)

        await app(scope, receive, marked if scope["type"] == "http" else send)

    return wrapped


def token_of(request: Request) -> SessionToken | None:
    """The session token that the request carries, None if there is none or it is malformed."""
    for item in request.headers.get("cookie", "").split(";"):
        name, _, value = item.strip().partition("=")
        if name == NAME:
            return parse_token(value)
    return None


def parse_order(body: bytes) -> tuple[str, int, str] | None:
    """Key, quantity and product of an order, None for anything malformed."""
    try:
        data = json.loads(body)
        key, quantity, product = str(uuid.UUID(data["key"])), data["quantity"], data["product"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    valid = type(quantity) is int and 1 <= quantity <= 100 and isinstance(product, str) and product in PRODUCTS
    return (key, quantity, product) if valid else None


def describe(order_id: str, order: Order) -> dict[str, Any]:
    receipt = SETTINGS.receipt(order_id)
    return {
        "order_id": order_id,
        "quantity": order.quantity,
        "total_cents": order.total_cents,
        "release": order.release,
        **({"receipt": receipt} if receipt else {}),
    }
