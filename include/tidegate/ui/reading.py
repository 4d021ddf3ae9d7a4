"""The journal as pages read it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from fastapi import HTTPException

from tidegate.errors import Refused
from tidegate.journal.settings import HOME, journal_url
from tidegate.journal.store import Journal
from tidegate.model.operation import service_of
from tidegate.policy.places import home
from tidegate.report.document import operation_document, overview_document
from tidegate.report.markup import tag
from tidegate.report.overview import service_document
from tidegate.report.page import operation_body, operation_html
from tidegate.report.page_overview import overview_body, overview_html, service_body, service_html
from tidegate.report.shell import message
from tidegate.ui.doors import Doors

MayRead = Callable[[str], bool]


@cache
def reading_journal() -> Journal:
    """The journal of this installation; the database itself sees to it that nothing is written."""
    return Journal(journal_url({**os.environ, HOME: str(home())}), read_only=True)


def overview(doors: Doors, may: MayRead) -> dict[str, Any]:
    """Of the services that this user may read: those with a policy, and those that the journal knows."""
    journal, troubles = doors.open_journal(), doors.services()
    names = [name for name in {*troubles, *map(service_of, journal.services())} if may(name)]
    return overview_document(journal, names, time.time(), troubles, doors.owners)


def overview_page(doors: Doors, may: MayRead, base: str) -> str:
    return overview_html(overview(doors, may), base)


def overview_part(doors: Doors, may: MayRead, base: str) -> str:
    return overview_body(overview(doors, may), base)


def _service(doors: Doors, service: str, now: float) -> dict[str, Any]:
    journal, troubles = doors.open_journal(), doors.services()
    if service not in {*troubles, *journal.services()}:
        raise HTTPException(404, f"there is no service {service!r}, neither in a policy nor in the journal")
    return service_document(journal, service, now, troubles.get(service, ""), doors.owners(service))


def service_page(doors: Doors, service: str, base: str) -> str:
    now = time.time()
    return service_html(_service(doors, service, now), now, base)


def service_part(doors: Doors, service: str, base: str) -> str:
    now = time.time()
    return service_body(_service(doors, service, now), now, base)


def operation(doors: Doors, service: str, name: str) -> dict[str, Any]:
    try:
        journal, owners = doors.open_journal(), doors.owners(service)
        return operation_document(journal, service, name, time.time(), run_state=doors.run_state, owners=owners)
    except Refused as error:
        raise HTTPException(404, str(error)) from None


def operation_page(doors: Doors, service: str, name: str, base: str) -> str:
    try:
        journal, owners = doors.open_journal(), doors.owners(service)
        return operation_html(journal, service, name, base=base, run_state=doors.run_state, owners=owners)
    except Refused as error:
        raise HTTPException(404, str(error)) from None


def operation_part(doors: Doors, service: str, name: str) -> tuple[str, bool]:
    """The part of the page that is looked at again, and whether the operation is still open."""
    document = operation(doors, service, name)
    return operation_body(document), document["operation"]["outcome"] is None


def not_ours(dag_id: str, base: str) -> str:
    words = f"No service of Tidegate has the DAG {dag_id}."
    return message("Nothing to recover here", words, tag("a", "All services", href=f"{base}/"))


def not_yet(service: str, run_id: str, base: str) -> str:
    words = (
        f"Run {run_id} has opened no operation of {service}: either its first task has not run yet, or it was refused."
    )
    link = tag("a", f"What is known of {service}", href=f"{base}/services/{service}")
    return message("Nothing was changed by this run", words, link)
