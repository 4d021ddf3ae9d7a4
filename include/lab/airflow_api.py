"""A thin client of Airflow's REST API, for the lab's story and tests: what a person does in the UI, as a program."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import httpx

from tidegate.errors import NotSettled, OutcomeUnknown, Rejected, Unreachable

FINISHED = frozenset({"success", "failed"})
WAITING = frozenset({"deferred", "awaiting_input"})  # task states in which a question can stand
ANSWER_AFTER = 3.0  # seconds that a task must have been waiting before a program answers it (see answer())
ENDED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
PARKED_WITHIN = 30.0  # seconds from a question to its task's waiting
_V2 = "/api/v2"
T = TypeVar("T")


@dataclass
class AirflowApi:
    """One person's session. Raises ``Unreachable`` (not sent), ``OutcomeUnknown`` (not answered), ``Rejected``."""

    address: str
    user: str
    password: str = field(repr=False)
    timeout: float = 20.0

    def __post_init__(self) -> None:
        self._http = httpx.Client(base_url=self.address, timeout=self.timeout, trust_env=False)
        self._token = ""

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def health(self) -> dict[str, Any]:
        """Airflow's own view of its components. Needs no log-in."""
        return self._send("GET", f"{_V2}/monitor/health", authenticate=False)

    def warm_up(self) -> None:
        """The first call of the tasks' API takes seconds: make it before a task has to."""
        self._send("GET", "/execution/health", authenticate=False)

    def dag_ids(self) -> set[str]:
        """Every DAG that is parsed and not stale."""
        return {dag["dag_id"] for dag in self._pages(f"{_V2}/dags", "dags")}

    def import_errors(self) -> list[dict[str, Any]]:
        return self._pages(f"{_V2}/importErrors", "import_errors")

    def unpause(self, dag_id: str) -> None:
        self._send("PATCH", f"{_V2}/dags/{dag_id}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, run_id: str | None = None) -> str:
        """Start a run with ``conf`` as its params. Returns its run id."""
        body: dict[str, Any] = {"logical_date": None, "conf": dict(conf or {})}
        if run_id is not None:
            body["dag_run_id"] = run_id
        return str(self._send("POST", f"{_V2}/dags/{dag_id}/dagRuns", json=body)["dag_run_id"])

    def run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """The run; its ``state`` is queued, running, success or failed."""
        return self._send("GET", _run(dag_id, run_id))

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return self._pages(f"{_V2}/dags/{dag_id}/dagRuns", "dag_runs")

    def tasks(self, dag_id: str, run_id: str) -> dict[str, dict[str, Any]]:
        """The run's task instances by task id."""
        found = self._pages(f"{_run(dag_id, run_id)}/taskInstances", "task_instances")
        return {task["task_id"]: task for task in found}

    def log(self, dag_id: str, run_id: str, task_id: str, attempt: int = 1) -> str:
        """One attempt's log as text, an event a line."""
        path = f"{_task(dag_id, run_id, task_id)}/logs/{attempt}"
        content = self._send("GET", path, params={"full_content": True})["content"]
        return "\n".join(str(line.get("event", line)) if isinstance(line, dict) else str(line) for line in content)

    def approval(self, dag_id: str, run_id: str, task_id: str) -> dict[str, Any] | None:
        """What a person is asked there, None while the task has not asked yet."""
        response = self._request("GET", f"{_task(dag_id, run_id, task_id)}/-1/hitlDetails")
        if response.status_code == httpx.codes.NOT_FOUND:
            return None
        return _checked(response)

    def pending_approvals(self, dag_id: str, run_id: str) -> list[str]:
        """Ids of the run's tasks that wait for a person: they have asked, and nobody has answered."""
        waiting = [t for t, task in self.tasks(dag_id, run_id).items() if task["state"] in WAITING]
        asked = {task_id: self.approval(dag_id, run_id, task_id) for task_id in waiting}
        return [t for t, detail in asked.items() if detail is not None and not detail["response_received"]]

    def answer(self, dag_id: str, run_id: str, task_id: str, *options: str) -> None:
        """Answer as this person (``Approve`` or ``Reject``).

        Waits until the task has been seen waiting for :data:`ANSWER_AFTER` seconds: an answer that overtakes the end of
        the process that asked makes the task fail, and no retry cures that. The question's age alone does not tell: on
        a busy machine that process can outlive it. Raises ``Rejected`` with 403 for somebody who is not asked.
        """
        if self.approval(dag_id, run_id, task_id) is None:
            raise Rejected(f"{task_id} of {run_id} asks nothing", next_step="wait until it has asked")
        look = partial(self._parked, dag_id, run_id, task_id)
        await_value(look, PARKED_WITHIN, f"{task_id} of {run_id} does not wait for an answer")
        time.sleep(ANSWER_AFTER)
        body = {"chosen_options": list(options or ("Approve",)), "params_input": {}}
        self._send("PATCH", f"{_task(dag_id, run_id, task_id)}/-1/hitlDetails", json=body)

    def _parked(self, dag_id: str, run_id: str, task_id: str) -> bool | None:
        state = self.tasks(dag_id, run_id)[task_id]["state"]
        if state in ENDED:
            raise Rejected(f"{task_id} of {run_id} asks nothing any more: it is {state}")
        return state in WAITING or None

    def clear(self, dag_id: str, run_id: str, tasks: Iterable[str], *, only_failed: bool = False) -> None:
        """Run these tasks, and what follows them, again: the UI's *clear*."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": list(tasks),
            "only_failed": only_failed,
            "include_downstream": True,
            "reset_dag_runs": True,
        }
        self._send("POST", f"{_V2}/dags/{dag_id}/clearTaskInstances", json=body)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Set a task's state by hand (``success``, ``failed``, ``skipped``): the UI's *mark as*."""
        self._send("PATCH", _task(dag_id, run_id, task_id), json={"new_state": state})

    def await_run(self, dag_id: str, run_id: str, within: float) -> str:
        """The run's end state. Raises :class:`NotSettled` if it has none ``within`` seconds."""

        def ended() -> str | None:
            state = str(self.run(dag_id, run_id)["state"])
            return state if state in FINISHED else None

        return await_value(ended, within, f"run {run_id} of {dag_id} has not ended")

    def _pages(self, path: str, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            page = self._send("GET", path, params={"limit": 100, "offset": len(found)})
            found += page[key]
            if not page[key] or len(found) >= page["total_entries"]:
                return found

    def _send(self, method: str, path: str, *, authenticate: bool = True, **options: Any) -> dict[str, Any]:
        return _checked(self._request(method, path, authenticate=authenticate, **options))

    def _request(self, method: str, path: str, *, authenticate: bool = True, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._log_in()}"} if authenticate else {}
        try:
            return self._http.request(method, path, headers=headers, **options)
        except httpx.ConnectError as error:
            raise Unreachable(f"Airflow does not answer at {self.address}", next_step="make status") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"{method} {path} was sent to Airflow and not answered: {error}") from error

    def _log_in(self) -> str:
        if not self._token:
            body = {"username": self.user, "password": self.password}
            self._token = str(self._send("POST", "/auth/token", authenticate=False, json=body)["access_token"])
        return self._token


def await_value(look: Callable[[], T | None], within: float, otherwise: str, every: float = 0.2) -> T:
    """What ``look`` returns, once it is not None. Raises :class:`NotSettled` saying ``otherwise``."""
    deadline = time.monotonic() + within
    while (value := look()) is None:
        if time.monotonic() >= deadline:
            raise NotSettled(f"{otherwise} within {within:.0f} s")
        time.sleep(every)
    return value


def _run(dag_id: str, run_id: str) -> str:
    return f"{_V2}/dags/{dag_id}/dagRuns/{run_id}"


def _task(dag_id: str, run_id: str, task_id: str) -> str:
    return f"{_run(dag_id, run_id)}/taskInstances/{task_id}"


def _checked(response: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object. Raises :class:`Rejected` with the status and what Airflow said."""
    if response.is_error:
        request = response.request
        raise Rejected(
            f"Airflow answered {response.status_code} to {request.method} {request.url.path}: {response.text[:500]}"
        )
    return dict(response.json()) if response.content else {}
