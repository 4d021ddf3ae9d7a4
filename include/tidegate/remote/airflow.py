"""One person's session with Airflow's REST API."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from tidegate.errors import NotAuthorised, OutcomeUnknown, Rejected, Throttled, Unreachable

FINISHED = frozenset({"success", "failed"})
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
WAITING = frozenset({"deferred", "awaiting_input"})  # task states in which a question can stand
NOT_YOU = (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
V2 = "/api/v2"


@dataclass
class Airflow:
    """``token``, or ``user`` and ``password``, for which a token is fetched when one is needed, and again when Airflow
    takes it no longer. Neither is ever printed.

    Every call raises ``Unreachable`` (not sent), ``OutcomeUnknown`` (not answered, or a failure of Airflow's own),
    ``Throttled``, ``NotAuthorised`` (401, 403), or ``Rejected`` (another no).
    """

    address: str
    user: str = ""
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    timeout: float = 20.0

    def __post_init__(self) -> None:
        # A proxy of the environment has no way to this machine's own loopback.
        outside = not _is_loopback(httpx.URL(self.address).host)
        self._http = httpx.Client(base_url=self.address, timeout=self.timeout, trust_env=outside)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def dag_ids(self) -> set[str]:
        """Every DAG that is parsed and not stale."""
        return {dag["dag_id"] for dag in self._pages(f"{V2}/dags", "dags")}

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """The DAG as Airflow lists it, with ``is_paused``; None if there is none."""
        return self._found("GET", f"{V2}/dags/{dag_id}")

    def has_connection(self, name: str) -> bool:
        """Whether the metadata database holds a connection of that name."""
        return self._found("GET", f"{V2}/connections/{name}") is not None

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> str:
        """Start a run with ``conf`` as its params. Returns its run id."""
        return str(self.start(dag_id, conf, run_id)["dag_run_id"])

    def start(self, dag_id: str, conf: Mapping[str, Any] | None, run_id: str | None = None) -> dict[str, Any]:
        """Start a run. Raises ``Rejected`` with status 409 if there is one of that id."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id is not None:
            body["dag_run_id"] = run_id
        return self._send("POST", f"{V2}/dags/{dag_id}/dagRuns", json=body)

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run; its ``state`` is queued, running, success or failed."""
        return self._send("GET", run_path(dag_id, run_id))

    def find_run(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """The run, None if there is none."""
        return self._found("GET", run_path(dag_id, run_id))

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The run's task instances by task id."""
        found = self._pages(f"{run_path(dag_id, run_id)}/taskInstances", "task_instances")
        return {task["task_id"]: task for task in found}

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """One attempt's log as text, an event a line."""
        path = f"{task_path(dag_id, run_id, task_id)}/logs/{attempt}"
        content = self._send("GET", path, params={"full_content": True})["content"]
        return "\n".join(str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in content)

    def approval(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any] | None:
        """What a person is asked there, None while the task has not asked yet."""
        return self._found("GET", f"{task_path(dag_id, run_id, task_id)}/-1/hitlDetails")

    def pending_approvals(self, dag_id: str, run_id: str) -> list[str]:
        """Ids of the run's tasks that wait for a person: they have asked, and nobody has answered."""
        waiting = [t for t, task in self.tasks(dag_id, run_id).items() if task["state"] in WAITING]
        asked = {task_id: self.approval(dag_id, run_id, task_id) for task_id in waiting}
        return [t for t, detail in asked.items() if detail is not None and not detail["response_received"]]

    def operation(self, service: str, operation: str) -> dict[str, Any] | None:
        """The operation as Tidegate's own page tells it; None if the journal has none of that id (yet).

        Raises ``Rejected`` if this Airflow serves no Tidegate pages.
        """
        response = self._request("GET", f"/tidegate/api/operations/{service}/{operation}")
        if _has_none(response) and said(response) != "Not Found":
            return None
        if response.is_error or "json" not in response.headers.get("content-type", ""):
            checked(response)
            raise Rejected(
                "this Airflow serves no Tidegate pages", next_step="load Tidegate's plugin in its API server"
            )
        return checked(response)

    def _found(self, method: str, path: str) -> dict[str, Any] | None:
        response = self._request(method, path)
        return None if _has_none(response) else checked(response)

    def _pages(self, path: str, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._send("GET", path, params={"limit": 100, "offset": len(found)})
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

    def _send(self, method: str, path: str, *, authenticate: bool = True, **options: Any) -> dict[str, Any]:
        return checked(self._request(method, path, authenticate=authenticate, **options))

    def _request(self, method: str, path: str, *, authenticate: bool = True, **options: Any) -> httpx.Response:
        if not authenticate:
            return self._call(method, path, **options)
        fresh = not self.token
        response = self._call(method, path, headers={"Authorization": f"Bearer {self._log_in()}"}, **options)
        if response.status_code in NOT_YOU and self.password and not fresh:
            self.token = ""  # it was good once: its time ran out (a 403 to Airflow), or the keys have changed
            response = self._call(method, path, headers={"Authorization": f"Bearer {self._log_in()}"}, **options)
        return response

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            return self._http.request(method, path, **options)
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise Unreachable(f"Airflow does not answer at {self.address}", next_step="is it up?") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"{method} {path} was sent to Airflow and not answered: {error!r}") from error

    def _log_in(self) -> str:
        if not self.token:
            body = {"username": self.user, "password": self.password}
            self.token = str(self._send("POST", "/auth/token", authenticate=False, json=body)["access_token"])
        return self.token


def run_path(dag_id: str, run_id: str) -> str:
    return f"{V2}/dags/{dag_id}/dagRuns/{run_id}"


def task_path(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{run_path(dag_id, run_id)}/taskInstances/{task_id}"


def checked(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object. Raises what the status means, with what Airflow said."""
    request, status = response.request, response.status_code
    if response.is_success:
        try:
            return dict(response.json()) if response.content else {}
        except (ValueError, TypeError) as error:
            raise OutcomeUnknown(f"{request.method} {request.url.path} was answered, but not by Airflow") from error
    words = f"Airflow answered {status} to {request.method} {request.url.path}: {said(response)}"
    if status in NOT_YOU:
        raise NotAuthorised(words, next_step="check user and password, or the token; else ask for the role")
    if status == httpx.codes.TOO_MANY_REQUESTS:
        raise Throttled(words)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise OutcomeUnknown(words, next_step="look at the API server's log")
    raise Rejected(words)


def _has_none(response: httpx.Response) -> bool:
    """Whether Airflow itself says that there is none: a proxy whose Airflow is away says 404 as well, but no JSON."""
    return response.status_code == httpx.codes.NOT_FOUND and "json" in response.headers.get("content-type", "")


def said(response: httpx.Response) -> str:
    """What a failed answer says in words."""
    try:
        detail = response.json().get("detail", response.text)
    except (ValueError, AttributeError):
        detail = response.text
    return str(detail)[:500]


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
