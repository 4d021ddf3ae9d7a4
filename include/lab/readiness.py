"""When the edge and Airflow count as ready: conditions, each with a deadline and with what is still missing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

import httpx

from lab.airflow_api import AirflowApi
from lab.progress import Progress
from tidegate.errors import NotSettled, OutcomeUnknown, Rejected, Unreachable

AIRFLOW_WITHIN = 180.0
EDGE_WITHIN = 20.0
_COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")


def airflow_ready(api: AirflowApi, expected: Collection[str], progress: Progress) -> None:
    """Return once the API answers, every component has a heartbeat and the expected DAGs are parsed."""
    _await(lambda: _not_healthy(api, ("metadatabase",)), AIRFLOW_WITHIN)
    progress.say("Airflow's API answers")
    _await(lambda: _not_warm(api), AIRFLOW_WITHIN)
    _await(lambda: _not_healthy(api, _COMPONENTS), AIRFLOW_WITHIN)
    progress.say("Airflow's scheduler, DAG processor and triggerer are alive")
    _await(lambda: _not_parsed(api, expected), AIRFLOW_WITHIN)
    progress.say(f"{len(api.dag_ids())} DAGs are parsed")


def edge_ready(address: str, version: str) -> None:
    """Return once a user gets an answer from ``version`` through the edge."""
    _await(lambda: _not_served(address, version), EDGE_WITHIN)


def _await(missing: Callable[[], str], within: float) -> None:
    """Return once nothing is missing. Raises :class:`NotSettled` saying what is."""
    deadline = time.monotonic() + within
    while what := missing():
        if time.monotonic() >= deadline:
            raise NotSettled(f"after {within:.0f} s {what}", next_step="read var/lab/logs")
        time.sleep(0.1)


def _not_healthy(api: AirflowApi, components: Collection[str]) -> str:
    try:
        found = api.health()
    except (Unreachable, OutcomeUnknown, Rejected) as error:
        return error.message
    ill = [name for name in components if found.get(name, {}).get("status") != "healthy"]
    return f"Airflow's {', '.join(ill)} is not healthy" if ill else ""


def _not_warm(api: AirflowApi) -> str:
    try:
        api.warm_up()
    except (Unreachable, OutcomeUnknown) as error:
        return error.message
    return ""


def _not_parsed(api: AirflowApi, expected: Collection[str]) -> str:
    missing = sorted(set(expected) - api.dag_ids())
    if not missing:
        return ""
    errors = "; ".join(f"{e['filename']}: {e['stack_trace'].strip().splitlines()[-1]}" for e in api.import_errors())
    return f"these DAGs are not there: {', '.join(missing)}" + (f" (import errors: {errors})" if errors else "")


def _not_served(address: str, version: str) -> str:
    try:
        answer = httpx.get(f"{address}/products", timeout=2.0, trust_env=False)
    except httpx.TransportError as error:
        return f"the edge does not answer: {error}"
    served = answer.headers.get("x-release")
    return "" if answer.is_success and served == version else f"the edge answers {answer.status_code} from {served}"
