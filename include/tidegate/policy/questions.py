"""What ``tidegate init`` asks, and what stands there if nobody answers. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from tidegate.drivers import registry
from tidegate.policy.driver_settings import SettingsOf, settings_of
from tidegate.policy.quantities import parse_rate

Answers = Mapping[str, str]
INSTANCES = 2
_KINDS = {
    "traffic": "envoy",
    "compute": "supervisor",
    "metrics": "envoy",
    "artifacts": "directory",
    "database": "postgres",
}
_WHAT = {
    "traffic": "Which router weighs the two releases?",
    "compute": "What runs releases?",
    "metrics": "Who says what users saw?",
    "artifacts": "Where are releases published?",
    "database": "Which database do the data checks read?",
}
_SETTINGS = {  # of the drivers that come with Tidegate; {s}: the service, {_}: the same as part of a connection's name
    "admin": "conn://{_}_edge_admin",
    "routes": "{s}/edge/routes.yaml",
    "session_cookie": "{_}_session",
    "slots": "{s}/slots",
    "access_log": "{s}/edge/access.log",
    "path": "{s}/releases",
    "threshold": "2",
}


@dataclass(frozen=True)
class Question:
    """``key``: its name in an answers file. ``default`` None: it has to be answered."""

    key: str
    asks: str
    default: str | None


def questions(given: Answers, lookup: SettingsOf = settings_of) -> Iterator[Question]:
    """One after the other: what is asked, and offered, may depend on what was answered before (``given`` may grow
    while this is gone through). Raises ``Refused`` for a kind of driver that is not known."""
    yield Question("service", "What is the service called? (a-z, 0-9 and -)", None)
    service = given["service"]
    yield Question("description", "What is it, in a few words?", f"The service {service}")
    yield Question("team", "Who answers for its releases and rollbacks?", f"team-{service}")
    yield Question("on_call", "Who is on call for it?", "sre")
    yield Question("regions", "In which regions does it serve? The first holds the primary database.", "east, west")
    yield Question("availability", "Which part of the requests is promised to be answered without a 5xx?", "99.9%")
    yield Question("latency_p99", "Within which time 99% of them?", "500ms")
    yield Question("rate", "How many requests does it see, all regions together?", "100/s")
    yield Question("sessions", "How many sessions are live at once?", "200")
    yield Question("session_length", "How long does one last, in the mean?", "5m")
    yield Question("errors", "Which part of the requests fails in good times?", "0.1%")
    yield Question("writes", "Which part of the requests writes (POST, PUT, PATCH, DELETE)?", "20%")
    yield Question("instances", "How many instances has one release in one region?", str(INSTANCES))
    yield Question("per_instance", "How many requests does one instance carry?", _carries(given))
    for family in registry.FAMILIES:
        yield from _driver(family, given, lookup)
    yield Question("steps", "Which weights does a new release go through?", "5%, 25%, 50%, 100%")
    yield Question("approvers", "Who may approve the step to half of the traffic? (names, or none)", "none")
    yield Question("bake", "How long is it tried at full weight, before it counts as good?", "10m")
    yield Question("only_grows", "Which table of the database only ever grows? (its rows are counted)", "orders")


def required(settings: type[BaseModel]) -> list[str]:
    """The settings of a driver that have no default, but ``regions``: those are one connection for each region."""
    return [name for name, field in settings.model_fields.items() if field.is_required() and name != "regions"]


def listed(text: str) -> list[str]:
    """``a, b`` -> [a, b]; ``none`` is an empty list."""
    return [] if text.strip() in ("", "none") else [part.strip() for part in text.split(",")]


def _carries(given: Answers) -> str:
    """So much that one region carries all, with a quarter to spare."""
    return f"{max(1, math.ceil(1.25 * parse_rate(given['rate']) / max(1, int(given['instances']))))}/s"


def _driver(family: str, given: Answers, lookup: SettingsOf) -> Iterator[Question]:
    kinds = registry.kinds(family)
    yield Question(f"{family}.kind", f"{_WHAT[family]} ({', '.join(kinds)})", _KINDS[family])
    service = given["service"]
    for name in required(lookup(family, given[f"{family}.kind"])):
        offered = _SETTINGS.get(name)
        default = offered.format(s=service, _=service.replace("-", "_")) if offered else None
        yield Question(f"{family}.{name}", f"  {family}: {name}?", default)


Ask = Callable[[Question], str]


def answered(ask: Ask, lookup: SettingsOf = settings_of) -> dict[str, str]:
    """Every question put to ``ask``, in order."""
    given: dict[str, str] = {}
    for question in questions(given, lookup):
        given[question.key] = ask(question).strip()
    return given
