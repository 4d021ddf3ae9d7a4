"""How the pages answer: headers that every answer carries, and failures that a person can read."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.requests import Request

from tidegate.report.markup import Markup, tag
from tidegate.report.shell import CONTENT_SECURITY_POLICY, message

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",
    "Cache-Control": "no-store",
}
_TITLES = {
    401: "You are not logged in",
    403: "You may not see this",
    404: "There is nothing here",
    422: "There is nothing here",
    503: "The journal cannot be read now",
}


def html(text: str, more: Mapping[str, str] | None = None) -> HTMLResponse:
    return HTMLResponse(text, headers={**HEADERS, **(more or {})})


def failure(request: Request, status: int, detail: str) -> Response:
    """JSON for programs and for the page's own script, a page for whoever follows a link."""
    path = request.url.path.removeprefix(str(request.scope.get("root_path", "")))
    wants_page = "text/html" in request.headers.get("accept", "") and not path.startswith("/api/")
    if not wants_page:
        return JSONResponse({"detail": detail}, status, headers=HEADERS)
    base = str(request.scope.get("root_path", "")).rstrip("/")
    text = message(_TITLES.get(status, "This did not work"), detail, _next(status), [("Recovery", f"{base}/")])
    return HTMLResponse(text, status, headers=HEADERS)


def invalid(error: RequestValidationError) -> tuple[int, str]:
    """A path that cannot be one of ours is not found; a body that is wrong says where."""
    found = error.errors()
    if any(item["loc"][:1] == ("path",) for item in found):
        return 404, "there is no such page"
    return 422, "; ".join(f"{'.'.join(map(str, item['loc'][1:]))}: {item['msg']}" for item in found)


def _next(status: int) -> Markup | str:
    if status == 401:
        return tag("a", "Log in to Airflow", href="/auth/login/")
    if status == 403:
        return "Whoever administers Airflow can let you read the service's DAGs; the policy's roles say the rest."
    return ""
