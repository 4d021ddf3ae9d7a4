"""A request becomes a DAG run: the same request id is the same run, hence the same operation."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.errors import NotAuthorised, OutcomeUnknown, Refused, Rejected, RequestConflict, TidegateError
from tidegate.model.operation import OperationKind, dag_id, operation_id
from tidegate.remote.airflow import Airflow

REQUEST_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.~:+-]{0,199}")
PATIENCE = 30.0  # seconds to try to get through; the same id again and again is one request
PAUSE = 1.0


@dataclass(frozen=True)
class Asked:
    """``conf``: the DAG's params."""

    service: str
    kind: OperationKind
    request_id: str
    conf: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not REQUEST_ID.fullmatch(self.request_id):
            hint = "letters, digits and _.~:+- (200 at most), like the CI run's own id"
            raise Refused(f"{self.request_id!r} is no request id", next_step=hint)

    @property
    def dag_id(self) -> str:
        return dag_id(self.kind, self.service)

    @property
    def run_id(self) -> str:
        return f"request__{self.request_id}"

    @property
    def operation(self) -> str:
        """The operation that the run opens, or has opened."""
        return operation_id(self.service, self.kind, f"{self.dag_id}/{self.run_id}")


@dataclass(frozen=True)
class Started:
    """``new``: whether this call began it. ``paused``: the DAG is, so that nothing begins yet."""

    run: Mapping[str, Any]
    new: bool
    paused: bool


def start(api: Airflow, asked: Asked, *, sleep: Callable[[float], None] = time.sleep) -> Started:
    """Ask for the run, or find it asked for.

    Raises :class:`RequestConflict` if the id was used for something else, saying for what; :class:`Refused` if there is
    no such DAG or Airflow finds the params wrong; ``NotAuthorised``; after half a minute ``Unreachable`` or
    ``OutcomeUnknown``.
    """
    dag = persistently(lambda: api.dag(asked.dag_id), PATIENCE, sleep)
    if dag is None:
        raise Refused(f"Airflow has no DAG {asked.dag_id}", next_step=_likely(api, asked.dag_id))
    persistently(lambda: api.operation(asked.service, asked.operation), PATIENCE, sleep)  # could it be followed?
    found = persistently(lambda: api.find_run(asked.dag_id, asked.run_id), PATIENCE, sleep)
    if found is not None:
        return Started(_the_same(found, asked), False, bool(dag["is_paused"]))
    try:
        run = persistently(lambda: _started_or_found(api, asked), PATIENCE, sleep)
    except OutcomeUnknown as error:
        hint = (
            f"the same command again with --request-id {asked.request_id}: it is one request however often it is made"
        )
        raise OutcomeUnknown(error.message, next_step=hint) from error
    return Started(_the_same(run, asked), True, bool(dag["is_paused"]))


def persistently(call: Callable[[], Any], patience: float, sleep: Callable[[float], None] = time.sleep) -> Any:
    """The call's answer, however often Airflow has to be asked; after ``patience`` seconds, its last error."""
    until = time.monotonic() + patience
    while True:
        try:
            return call()
        except TidegateError as error:
            if not error.retryable or time.monotonic() >= until:
                raise
        sleep(PAUSE)


def _started_or_found(api: Airflow, asked: Asked) -> dict[str, Any]:
    """409: somebody else, or an earlier try of ours that was not answered, has begun it."""
    try:
        return api.start(asked.dag_id, asked.conf, asked.run_id)
    except NotAuthorised:
        raise
    except Rejected as error:
        found = api.find_run(asked.dag_id, asked.run_id)
        if found is not None:
            return found
        raise Refused(error.message, next_step="mend the request; nothing was begun") from error


def _the_same(run: Mapping[str, Any], asked: Asked) -> Mapping[str, Any]:
    before = {key: (run.get("conf") or {}).get(key) for key in asked.conf}
    if before != dict(asked.conf):
        told = ", ".join(f"{key} {value!r}" for key, value in before.items())
        raise RequestConflict(
            f"request {asked.request_id} was made before, for something else: {told}",
            next_step="use a request id of its own for each request; what was asked before goes on as it was asked",
        )
    return run


def _likely(api: Airflow, wanted: str) -> str:
    prefix = wanted.partition("__")[0]
    known = sorted(name for name in api.dag_ids() if name.startswith(f"{prefix}__"))
    near = difflib.get_close_matches(wanted, known, n=1)
    services = ", ".join(name.partition("__")[2] for name in known)
    return f"did you mean {near[0].partition('__')[2]!r}?" if near else f"services: {services or 'none'}"
