"""From a check to a Great Expectations expectation."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tidegate.checks.model import KEYS_SHOWN, CheckSpec, Kind
from tidegate.checks.reference import Reference, at_revision, follows, unchanged
from tidegate.checks.rows_expectation import rows_expectation
from tidegate.errors import Refused

ROWS_COUNTED = 1000
"""A no_rows check stops counting there: a table full of violations must not be carried over the wire."""

_RESERVED = {
    "id", "meta", "notes", "description", "rendered_content", "severity", "windows", "batch_id", "result_format",
    "catch_exceptions", "user_modified_severity",
}  # fmt: skip
_BIND = re.compile(r"(?<![:\w\\]):(?=\w+(?![:\w]))")  # what SQLAlchemy's text() would take for a parameter

_END = re.compile(r"\s*(;\s*(--[^\n]*)?\s*)*\Z")

NO_ROWS = "SELECT * FROM (\n{sql}\n) AS checked LIMIT {limit}"
# NULL and NaN are nothing measured: they come back as a row, and tidegate.checks.outcome calls them so.
EQUAL = """SELECT measured.l::text AS left_value, measured.r::text AS right_value
FROM (SELECT (
{left}
) AS l, (
{right}
) AS r) AS measured
WHERE measured.l IS DISTINCT FROM measured.r OR measured.l IS NULL OR measured.l::text = 'NaN'"""


def names() -> tuple[str, ...]:
    """Every native expectation's name, without the seconds that importing Great Expectations takes. Empty if it is
    not installed."""
    found = find_spec("great_expectations")
    places = found.submodule_search_locations if found else None
    if not places:
        return ()
    return tuple(sorted(file.stem for file in (Path(places[0]) / "expectations" / "core").glob("expect_*.py")))


def check_name(name: str, known: Iterable[str]) -> None:
    """Raises ``Refused`` with the likely expectation for a name that is not known."""
    known = tuple(known)
    if name not in known:
        raise Refused(f"unknown expectation {name!r}", next_step=_likely(name, known))


def build(spec: CheckSpec, reference: Reference, columns: Sequence[str] = ()) -> Any:
    """The expectation that decides ``spec``, with ``meta["check_id"]``. Raises ``Refused`` if there is none.

    ``columns``: what the rule of a follows check gives.
    """
    if spec.kind in (Kind.FOLLOWS, Kind.UNCHANGED, Kind.SCHEMA):
        return _unexpected_rows(spec, _capped(_compared(spec, reference, columns)))
    if spec.kind is Kind.NO_ROWS:
        return _unexpected_rows(spec, _capped(_statement(spec.sql[0])))
    if spec.kind is Kind.EQUAL:
        left, right = (_statement(sql) for sql in spec.sql)
        return _unexpected_rows(spec, EQUAL.format(left=left, right=right))
    if spec.kind is Kind.NOT_BELOW_SNAPSHOT:
        least = rows_in(reference.snapshot, spec.table)
        return _native(spec, "expect_table_row_count_to_be_between", {"min_value": least})
    return _native(spec, spec.expectation, spec.arguments)


def _compared(spec: CheckSpec, reference: Reference, columns: Sequence[str]) -> str:
    if spec.kind is Kind.FOLLOWS:
        return follows(spec, columns)
    return unchanged(spec, reference) if spec.kind is Kind.UNCHANGED else at_revision(spec, reference)


def _capped(statement: str) -> str:
    return NO_ROWS.format(sql=statement, limit=ROWS_COUNTED)


def rows_in(snapshot: Mapping[str, Any] | None, table: str) -> int:
    """Row count of ``table`` in the snapshot. Raises ``Refused`` if it is not there: nothing to compare with."""
    rows = ((snapshot or {}).get("tables", {}).get(table) or {}).get("rows")
    if isinstance(rows, bool) or not isinstance(rows, int):
        raise Refused(f"the data snapshot has no row count of {table!r}", next_step="take the snapshot first")
    return rows


def _statement(sql: str) -> str:
    """One statement, ready to stand in parentheses: a second one would be a syntax error there."""
    return _END.sub("", sql)


def _unexpected_rows(spec: CheckSpec, query: str) -> Any:
    literal = _BIND.sub(r"\:", query).replace("{", "{{").replace("}", "}}")
    # Great Expectations insists on {batch}; the statement names its own tables, so it stands in a comment.
    return rows_expectation()(unexpected_rows_query=f"{literal} /* {{batch}} */", meta={"check_id": spec.id})


def _native(spec: CheckSpec, name: str, arguments: Mapping[str, Any]) -> Any:
    from great_expectations.expectations.registry import get_expectation_impl

    check_name(name, names())
    expectation = get_expectation_impl(name)
    allowed = sorted(set(expectation.__fields__) - _RESERVED)
    for argument in arguments:
        if argument not in allowed:
            raise Refused(f"{name} takes no argument {argument!r}", next_step=_likely(argument, allowed))
    if "$PARAMETER" in str(arguments):
        raise Refused(f"{name}: $PARAMETER is not supported", next_step="write the value itself")
    return expectation(**arguments, meta={"check_id": spec.id})


def _likely(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, tuple(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"


def detail_format(spec: CheckSpec, primary_key: list[str]) -> dict[str, Any]:
    """What to ask for when ``spec`` has failed: its own statement's rows, or the failed rows' primary keys."""
    if spec.kind not in (Kind.EXPECT, Kind.NOT_BELOW_SNAPSHOT):
        return {"result_format": "COMPLETE"}
    keys = {"unexpected_index_column_names": primary_key} if primary_key else {}
    return {"result_format": "SUMMARY", "partial_unexpected_count": KEYS_SHOWN, **keys}
