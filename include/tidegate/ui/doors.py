"""What the pages need from whoever mounts them: who may see what, which services there are, how a control is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.journal.store import Journal
from tidegate.policy.people import Owners


@dataclass(frozen=True)
class Doors:
    """A mounted application has no authentication of its own, so every route depends on one of these.

    ``open_journal``: need not be writable. ``services``: service -> what is wrong with its policy, empty if nothing.
    FastAPI dependencies, which raise 401 without a user and 403 without the permission: ``may_read`` finds ``service``
    (and perhaps ``operation`` or ``dag_id``) among the path's parameters; ``readers`` gives a predicate that says
    which services this user may read; ``may_control`` gives the user's name. ``control``: (action, service, operation,
    person, reason) -> what happened, in words. ``service_of``: DAG id -> service, None if it is not ours;
    ``operation_of``: (DAG id, run id) -> operation, None if the run has nothing to do with one; ``run_state``: request
    id -> state of its run in Airflow, None if it has none or that cannot be asked. ``owners``: service -> who answers
    for it, None without a policy.
    """

    open_journal: Callable[[], Journal]
    services: Callable[[], Mapping[str, str]]
    may_read: Callable[..., Any]
    readers: Callable[..., Callable[[str], bool]]
    may_control: Callable[..., str]
    control: Callable[[str, str, str, str, str], str]
    service_of: Callable[[str], str | None]
    operation_of: Callable[[str, str], str | None]
    run_state: Callable[[str], str | None]
    owners: Callable[[str], Owners | None]
