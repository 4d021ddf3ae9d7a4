"""Tidegate's pages: read-only projections of the journal. Mounted in Airflow's API server by the plugin.

A mounted application has no authentication of its own, so every route depends on ``may_read``, which whoever mounts it
must give.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse

from tidegate.errors import JournalError, Refused
from tidegate.journal.store import Journal
from tidegate.report.page import operation_html

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
Service = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Operation = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,120}$")]


def create_app(open_journal: Callable[[], Journal], may_read: Callable[..., Any]) -> FastAPI:
    """``open_journal``: a journal that need not be writable. ``may_read``: a FastAPI dependency that raises 401 or 403;
    it finds ``service`` and ``operation`` among the path's parameters."""
    app = FastAPI(title="Tidegate", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/operations/{service}/{operation}", dependencies=[Depends(may_read)], response_class=HTMLResponse)
    def operation_page(service: Service, operation: Operation) -> HTMLResponse:
        return HTMLResponse(_page(open_journal, service, operation), headers=HEADERS)

    return app


def _page(open_journal: Callable[[], Journal], service: str, operation: str) -> str:
    try:
        return operation_html(open_journal(), service, operation)
    except Refused as error:
        raise HTTPException(404, str(error)) from None
    except JournalError as error:
        raise HTTPException(503, f"the journal cannot be read: {error}") from None
