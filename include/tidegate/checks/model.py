"""Data checks as values: what to check, what was found, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.errors import Refused
from tidegate.model.projection import Projection
from tidegate.model.verdict import Verdict

KEYS_SHOWN = 20
"""At most so many keys of failed rows stand in a result."""


class Kind(StrEnum):
    """How a check is written. The value is also the key it has in a policy."""

    NO_ROWS = "no_rows"  # one statement that must return no rows
    EQUAL = "equal"  # two statements of one value each, which must be the same
    EXPECT = "expect"  # a native expectation on a table
    NOT_BELOW_SNAPSHOT = "not_below_snapshot"  # a table's row count may only grow
    UNCHANGED = "unchanged_since_snapshot"  # rows that existed then are as they were
    FOLLOWS = "follows"  # a table is what its event log says
    ON_STANDBY = "same_on_standby"  # the standbys hold the same rows
    SCHEMA = "schema_revision"  # the schema is the one that the running release needs


class Severity(StrEnum):
    """What a violation means. ``HOLD``: stop and ask. ``WARN``: say so, go on. ``NEXT_RUNG``: on the way back, go one
    rung further; on the way forward it stops as ``HOLD`` does."""

    HOLD = "hold"
    WARN = "warn"
    NEXT_RUNG = "next_rung"


_KEYS = {
    Kind.UNCHANGED: {"unchanged_since_snapshot"},
    Kind.FOLLOWS: {"follows"},
    Kind.ON_STANDBY: {"same_on_standby"},
    Kind.SCHEMA: {"schema_revision"},
    Kind.NO_ROWS: {"no_rows"},
    Kind.EQUAL: {"equal"},
    Kind.EXPECT: {"expect", "table", "arguments"},
    Kind.NOT_BELOW_SNAPSHOT: {"not_below_snapshot"},
}

_COMMON = {"id", "personal", "severity"}


@dataclass(frozen=True)
class CheckSpec:
    """One check. ``sql``: one statement (no_rows) or two (equal). ``table``: what it looks at, where it is one.
    ``expectation`` and ``arguments``: for expect. ``about``: the value of the kinds that are a mapping. ``personal``:
    columns whose values are masked wherever a key is shown."""

    id: str
    kind: Kind
    sql: tuple[str, ...] = ()
    table: str = ""
    expectation: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    personal: tuple[str, ...] = ()
    severity: Severity = Severity.HOLD

    def to_json(self) -> dict[str, Any]:
        """The policy's own way of writing it, plus ``id``."""
        more: dict[str, Any] = {"personal": list(self.personal)} if self.personal else {}
        if self.severity is not Severity.HOLD:
            more["severity"] = self.severity.value
        return {"id": self.id, **self._of_kind(), **more}

    def _of_kind(self) -> dict[str, Any]:
        if self.kind is Kind.NO_ROWS:
            return {"no_rows": self.sql[0]}
        if self.kind is Kind.EQUAL:
            return {"equal": list(self.sql)}
        if self.kind in (Kind.NOT_BELOW_SNAPSHOT, Kind.SCHEMA):
            return {self.kind.value: self.table}
        if self.kind is Kind.EXPECT:
            return {"expect": self.expectation, "table": self.table, "arguments": dict(self.arguments)}
        return {self.kind.value: dict(self.about)}

    @property
    def projection(self) -> Projection:
        """What a follows check compares. Raises ``Refused`` for a name that is none."""
        return Projection.from_json(self.about)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckSpec:
        """Inverse of :meth:`to_json`. Raises ``Refused`` naming the check for anything it does not know."""
        name = str(value.get("id", ""))
        kinds = [kind for kind in Kind if kind in value]
        if not name or len(kinds) != 1 or not set(value) <= _KEYS[kinds[0]] | _COMMON:
            raise Refused(
                f"check {name or '(without id)'!r} has the keys {sorted(value)}",
                next_step=f"give an id and exactly one of {', '.join(Kind)}",
            )
        personal = tuple(value.get("personal") or ())
        return cls(name, kinds[0], **_fields(kinds[0], value), personal=personal, severity=_severity(name, value))


def _severity(name: str, value: Mapping[str, Any]) -> Severity:
    try:
        return Severity(value.get("severity", Severity.HOLD))
    except ValueError:
        known = ", ".join(Severity)
        raise Refused(f"check {name!r} has the severity {value['severity']!r}", next_step=f"known: {known}") from None


def _fields(kind: Kind, value: Mapping[str, Any]) -> dict[str, Any]:
    if kind is Kind.NO_ROWS:
        return {"sql": (str(value["no_rows"]),)}
    if kind is Kind.EQUAL:
        if not isinstance(value["equal"], list | tuple) or len(value["equal"]) != 2:
            raise Refused(f"check {value['id']!r}: equal takes two statements", next_step="write equal: [sql, sql]")
        return {"sql": tuple(str(statement) for statement in value["equal"])}
    if kind in (Kind.NOT_BELOW_SNAPSHOT, Kind.SCHEMA):
        return {"table": str(value[kind.value])}
    if kind in _ABOUT:
        return {"about": _about(str(value["id"]), kind, value[kind.value])}
    if not value.get("table"):
        raise Refused(f"check {value['id']!r}: expect needs a table", next_step="name the table")
    return {"expectation": value["expect"], "table": value["table"], "arguments": dict(value.get("arguments") or {})}


_ABOUT: Mapping[Kind, tuple[frozenset[str], frozenset[str]]] = {  # what must be given, what may be
    Kind.FOLLOWS: (frozenset({"projection", "events", "key", "rule"}), frozenset({"extra"})),
    Kind.UNCHANGED: (frozenset({"table", "key", "written_at"}), frozenset({"settled", "columns"})),
    Kind.ON_STANDBY: (frozenset({"table", "key"}), frozenset({"within", "columns"})),
}


def _about(check: str, kind: Kind, value: object) -> dict[str, Any]:
    must, may = _ABOUT[kind]
    given = set(value) if isinstance(value, Mapping) else set()
    if not must <= given or not given <= must | may:
        raise Refused(
            f"check {check!r}: {kind} has the keys {sorted(given)}",
            next_step=f"give {', '.join(sorted(must))}; allowed besides: {', '.join(sorted(may))}",
        )
    assert isinstance(value, Mapping)
    return dict(value)


def specs_from_json(values: Sequence[Mapping[str, Any]]) -> tuple[CheckSpec, ...]:
    """Every spec of a gate's arguments. Raises ``Refused``, also when an id stands twice."""
    specs = tuple(CheckSpec.from_json(value) for value in values)
    twice = {s.id for s in specs if [t.id for t in specs].count(s.id) > 1}
    if twice:
        raise Refused(f"checks named twice: {', '.join(sorted(twice))}", next_step="give each check its own id")
    return specs


class Status(StrEnum):
    """What came of one check. Only ``PASSED`` is good; ``NOT_CHECKED`` is blindness, not health."""

    PASSED = "passed"
    VIOLATED = "violated"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True)
class CheckResult:
    """``observed`` and ``expected``: in words or figures, None where there is none. ``failed_keys``: keys of rows that
    break the rule, never whole rows, at most :data:`KEYS_SHOWN`. ``severity``: of the check; rows of before there were
    any are read as ``hold``."""

    id: str
    status: Status
    observed: str | int | float | None = None
    expected: str | int | float | None = None
    detail: str = ""
    failed_keys: tuple[str, ...] = ()
    severity: Severity = Severity.HOLD


@dataclass(frozen=True)
class CheckReport:
    """One run of all checks. ``run_id``: Great Expectations' own id of the checkpoint run, None if it never ran.
    ``started_at``: epoch seconds."""

    run_id: str | None
    verdict: Verdict
    results: tuple[CheckResult, ...]
    started_at: float
    seconds: float

    @property
    def warnings(self) -> tuple[str, ...]:
        """Checks of severity ``warn`` that are not passed: said, and passed over."""
        return tuple(r.id for r in self.results if r.status is not Status.PASSED and r.severity is Severity.WARN)

    @property
    def why(self) -> str:
        """One line for a log: the checks that are not passed, or how many are."""
        bad = [f"{r.id} {r.status.replace('_', ' ')}: {r.detail}" for r in self.results if r.status != Status.PASSED]
        return "; ".join(bad) or (f"all {len(self.results)} checks passed" if self.results else "no check was given")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> CheckReport:
        """Inverse of :meth:`to_json`, also after a trip through JSON text."""
        results = tuple(
            CheckResult(
                **{
                    **r,
                    "status": Status(r["status"]),
                    "failed_keys": tuple(r["failed_keys"]),
                    "severity": Severity(r.get("severity", Severity.HOLD)),
                }
            )
            for r in value["results"]
        )
        return cls(**{**value, "verdict": Verdict(value["verdict"]), "results": results})


def verdict_of(results: Iterable[CheckResult]) -> Verdict:
    """A violation is a fail; else anything not checked, or no check at all, is ``no_data``; only then a pass. A check
    of severity ``warn`` that is not passed counts for nothing, unless nothing at all could be looked at."""
    found = tuple(results)
    statuses = {r.status for r in found if r.severity is not Severity.WARN or r.status is Status.PASSED}
    if Status.VIOLATED in statuses:
        return Verdict.FAIL
    looked = any(r.status is not Status.NOT_CHECKED for r in found)
    return Verdict.PASS if looked and statuses <= {Status.PASSED} else Verdict.NO_DATA


@dataclass(frozen=True)
class Limits:
    """Seconds that one statement, one wait for a lock and a whole run may take; what takes longer is not checked."""

    statement: float = 30.0
    lock: float = 2.0
    total: float = 120.0
    connect: int = 2
