"""Pause, resume and abort over HTTP: for the page's own script, and for programs with a token of their own."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request

from tidegate.errors import Forbidden, Refused, TidegateError
from tidegate.ui.answers import HEADERS
from tidegate.ui.doors import Doors


class Control(StrEnum):
    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"


class Why(BaseModel):
    """``reason``: goes into the journal with the person's name."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    reason: str = Field(min_length=1, max_length=500)


def own_page(request: Request) -> None:
    """A browser sends the user's cookie from anybody's page, so the request must come from ours: 403 if it does not.

    A body of another type than JSON is refused as well: only that type makes a foreign page ask first.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "send JSON")
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    foreign = site not in (None, "same-origin") or (origin is not None and _host(origin) != request.headers["host"])
    unknown = site is None and origin is None and "authorization" not in request.headers
    if foreign or unknown:
        raise HTTPException(403, "this request does not come from Tidegate's own page")


def _host(origin: str) -> str:
    return urlsplit(origin).netloc


def add(app: FastAPI, doors: Doors) -> None:
    allowed = Depends(doors.may_control)

    @app.post("/api/operations/{service}/{operation}/{control}", dependencies=[Depends(own_page)])
    def use(
        service: Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,62}$")],
        operation: Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,120}$")],
        control: Control,
        why: Why,
        person: str = allowed,
    ) -> JSONResponse:
        if not doors.open_journal().events(service, operation=operation):
            raise HTTPException(404, f"there is no operation {operation!r} of {service!r} in the journal")
        try:
            said = doors.control(control.value, service, operation, person, why.reason)
        except Forbidden as error:
            raise HTTPException(403, str(error)) from None
        except Refused as error:
            raise HTTPException(409, str(error)) from None
        except TidegateError as error:
            raise HTTPException(503, str(error)) from None
        return JSONResponse({"said": said}, headers=HEADERS)
