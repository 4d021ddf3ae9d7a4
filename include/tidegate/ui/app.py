"""Tidegate's pages: projections of the journal, and the controls. The plugin mounts them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, FastAPI, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.exceptions import HTTPException as StarletteHTTPException

from tidegate.errors import JournalError
from tidegate.ui import answers, controls, reading
from tidegate.ui.doors import Doors

Service = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]{0,62}$")]
Operation = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,120}$")]
DagId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.~-]{1,250}$")]
RunId = Annotated[str, Path(min_length=1, max_length=250)]


def create_app(doors: Doors) -> FastAPI:
    """The application, to be mounted below a prefix."""
    app = FastAPI(title="Tidegate", docs_url=None, redoc_url=None, openapi_url=None)
    _pages(app, doors)
    _links(app, doors)
    _interface(app, doors)
    controls.add(app, doors)
    _failures(app)
    return app


def _pages(app: FastAPI, doors: Doors) -> None:
    read = [Depends(doors.may_read)]
    readable = Depends(doors.readers)

    @app.get("/")
    def overview(request: Request, may: Any = readable) -> HTMLResponse:
        return answers.html(reading.overview_page(doors, may, base(request)))

    @app.get("/live")
    def overview_live(request: Request, may: Any = readable) -> HTMLResponse:
        return answers.html(reading.overview_part(doors, may, base(request)))

    @app.get("/services/{service}", dependencies=read)
    def service_page(request: Request, service: Service) -> HTMLResponse:
        return answers.html(reading.service_page(doors, service, base(request)))

    @app.get("/services/{service}/live", dependencies=read)
    def service_live(request: Request, service: Service) -> HTMLResponse:
        return answers.html(reading.service_part(doors, service, base(request)))

    @app.get("/operations/{service}/{operation}", dependencies=read)
    def operation_page(request: Request, service: Service, operation: Operation) -> HTMLResponse:
        return answers.html(reading.operation_page(doors, service, operation, base(request)))

    @app.get("/operations/{service}/{operation}/live", dependencies=read)
    def operation_live(service: Service, operation: Operation) -> HTMLResponse:
        part, is_open = reading.operation_part(doors, service, operation)
        return answers.html(part, {"X-Tidegate-Live": "yes" if is_open else "no"})


def _links(app: FastAPI, doors: Doors) -> None:
    """From Airflow's names to ours: what the tabs on a DAG, a run and a task point to."""
    read = [Depends(doors.may_read)]

    @app.get("/dags/{dag_id}", dependencies=read)
    def dag(request: Request, dag_id: DagId) -> Response:
        service = doors.service_of(dag_id)
        if service is None:
            return answers.html(reading.not_ours(dag_id, base(request)))
        return RedirectResponse(f"{base(request)}/services/{service}", 303, answers.HEADERS)

    @app.get("/runs/{dag_id}/{run_id}", dependencies=read)
    def run(request: Request, dag_id: DagId, run_id: RunId) -> Response:
        service, operation = doors.service_of(dag_id), doors.operation_of(dag_id, run_id)
        if service is None:
            return answers.html(reading.not_ours(dag_id, base(request)))
        if operation is None:  # a control's run that has changed nothing
            return RedirectResponse(f"{base(request)}/services/{service}", 303, answers.HEADERS)
        if not doors.open_journal().events(service, operation=operation):
            return answers.html(reading.not_yet(service, run_id, base(request)))
        return RedirectResponse(f"{base(request)}/operations/{service}/{operation}", 303, answers.HEADERS)


def _interface(app: FastAPI, doors: Doors) -> None:
    readable = Depends(doors.readers)

    @app.get("/api/overview")
    def overview(may: Any = readable) -> JSONResponse:
        return JSONResponse(reading.overview(doors, may), headers=answers.HEADERS)

    @app.get("/api/operations/{service}/{operation}", dependencies=[Depends(doors.may_read)])
    def operation(service: Service, operation: Operation) -> JSONResponse:
        return JSONResponse(reading.operation(doors, service, operation), headers=answers.HEADERS)


def _failures(app: FastAPI) -> None:
    """People get a page, programs JSON."""

    @app.exception_handler(StarletteHTTPException)
    def failed(request: Request, error: StarletteHTTPException) -> Response:
        return answers.failure(request, error.status_code, str(error.detail))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> Response:
        return answers.failure(request, *answers.invalid(error))

    @app.exception_handler(JournalError)
    def unreadable(request: Request, error: JournalError) -> Response:
        return answers.failure(request, 503, f"the journal cannot be read: {error}")


def base(request: Request) -> str:
    """Where the application is mounted, for links."""
    return str(request.scope.get("root_path", "")).rstrip("/")
