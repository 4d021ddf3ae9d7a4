"""What a person does in Airflow's UI, as a program: for the lab's story and tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from tidegate.errors import NotSettled, Rejected
from tidegate.remote.airflow import ENDED, FINISHED, V2, WAITING, Airflow, task_path

__all__ = ["ENDED", "FINISHED", "WAITING", "AirflowApi", "await_value"]

ANSWER_AFTER = 3.0  # seconds that a task must have been waiting before a program answers it (see answer())
PARKED_WITHIN = 30.0  # seconds from a question to its task's waiting
T = TypeVar("T")


class AirflowApi(Airflow):
    """One person's session, with what is done in the UI besides asking for operations and following them."""

    def health(self) -> dict[str, Any]:
        """Airflow's own view of its components. Needs no log-in."""
        return self._send("GET", f"{V2}/monitor/health", authenticate=False)

    def warm_up(self) -> None:
        """The first call of the tasks' API takes seconds: make it before a task has to."""
        self._send("GET", "/execution/health", authenticate=False)

    def import_errors(self) -> list[dict[str, Any]]:
        return self._pages(f"{V2}/importErrors", "import_errors")

    def unpause(self, dag_id: str) -> None:
        self._send("PATCH", f"{V2}/dags/{dag_id}", json={"is_paused": False})

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        return self._pages(f"{V2}/dags/{dag_id}/dagRuns", "dag_runs")

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
        self._send("PATCH", f"{task_path(dag_id, run_id, task_id)}/-1/hitlDetails", json=body)

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
        self._send("POST", f"{V2}/dags/{dag_id}/clearTaskInstances", json=body)

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Set a task's state by hand (``success``, ``failed``, ``skipped``): the UI's *mark as*."""
        self._send("PATCH", task_path(dag_id, run_id, task_id), json={"new_state": state})

    def await_run(self, dag_id: str, run_id: str, within: float) -> str:
        """The run's end state. Raises :class:`NotSettled` if it has none ``within`` seconds."""

        def ended() -> str | None:
            state = str(self.run(dag_id, run_id)["state"])
            return state if state in FINISHED else None

        return await_value(ended, within, f"run {run_id} of {dag_id} has not ended")


def await_value(look: Callable[[], T | None], within: float, otherwise: str, every: float = 0.2) -> T:
    """What ``look`` returns, once it is not None. Raises :class:`NotSettled` saying ``otherwise``."""
    deadline = time.monotonic() + within
    while (value := look()) is None:
        if time.monotonic() >= deadline:
            raise NotSettled(f"{otherwise} within {within:.0f} s")
        time.sleep(every)
    return value
