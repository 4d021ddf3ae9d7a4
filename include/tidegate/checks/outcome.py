"""From what Great Expectations answers to a result that says violated or not checked. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.checks.buckets import BUCKETS
from tidegate.checks.expectations import ROWS_COUNTED
from tidegate.checks.model import KEYS_SHOWN, CheckResult, CheckSpec, Kind, Status
from tidegate.model.masking import cut, shown

Answer = Mapping[str, Any]
"""``success``, ``exception_info``, ``result`` and ``kwargs`` of one expectation."""


def could_not(answer: Answer) -> str | None:
    """Why the expectation could not be evaluated; None if it was.

    Great Expectations says success=False both for a violation and for an error. The error stands in ``exception_info``:
    flat, or as a mapping from metric to the same. Anything of another shape counts as an error.
    """
    info = answer.get("exception_info")
    success = answer.get("success")
    if not isinstance(info, Mapping) or not info or not isinstance(success, bool):
        return "Great Expectations gave no usable answer"
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if not isinstance(entry, Mapping) or entry.get("raised_exception") is not False:
            return str((entry if isinstance(entry, Mapping) else {}).get("exception_message") or "an unnamed error")
    return None


def first_look(spec: CheckSpec, answer: Answer) -> CheckResult | None:
    """The result, if BOOLEAN_ONLY is enough for it: passed or not checked. None: failed, look closer."""
    if (reason := could_not(answer)) is not None:
        return not_checked(spec, reason)
    return CheckResult(spec.id, Status.PASSED, expected=_expected(spec)) if answer["success"] else None


def closer_look(spec: CheckSpec, answer: Answer) -> CheckResult:
    """The result of a check that failed its first look, from the detailed answer. If the closer look itself fails, the
    violation stands, without figures."""
    if could_not(answer) is not None or answer["success"]:
        return CheckResult(spec.id, Status.VIOLATED, expected=_expected(spec), detail="violated; no figures to be had")
    return _BY_KIND[spec.kind](spec, answer)


def not_checked(spec: CheckSpec, reason: str) -> CheckResult:
    return CheckResult(spec.id, Status.NOT_CHECKED, expected=_expected(spec), detail=f"could not check: {reason}")


def _expected(spec: CheckSpec) -> str:
    if spec.kind is Kind.NO_ROWS:
        return "no rows"
    if spec.kind is Kind.EQUAL:
        return "equal values"
    if spec.kind is Kind.NOT_BELOW_SNAPSHOT:
        return "no fewer rows than in the snapshot"
    if spec.kind in _EXPECTED:
        return _EXPECTED[spec.kind]
    arguments = ", ".join(f"{key}={value!r}" for key, value in spec.arguments.items())
    return f"{spec.expectation.removeprefix('expect_').replace('_', ' ')}({arguments})"


_EXPECTED = {
    Kind.FOLLOWS: "every row as its events say",
    Kind.UNCHANGED: "the rows of before are as they were",
    Kind.SCHEMA: "the schema revision of the running release",
    Kind.ON_STANDBY: "the same rows on every standby",
}


def _of_no_rows(spec: CheckSpec, answer: Answer) -> CheckResult:
    found = answer.get("result") or {}
    count = int(found.get("observed_value") or 0)
    rows = (found.get("details") or {}).get("unexpected_rows") or []
    keys = tuple(_first(row, spec) for row in rows[:KEYS_SHOWN])
    many = f"{count} or more rows" if count >= ROWS_COUNTED else f"{count} row{'s' if count != 1 else ''}"
    return CheckResult(spec.id, Status.VIOLATED, count, _expected(spec), f"{many} where none may be", keys)


def _first(row: Mapping[str, Any], spec: CheckSpec) -> str:
    """The first column names the row: that is how a statement tells which rows it found."""
    column, value = next(iter(row.items()), ("", ""))
    return shown(column, value, spec.personal)


def _of_equal(spec: CheckSpec, answer: Answer) -> CheckResult:
    rows = ((answer.get("result") or {}).get("details") or {}).get("unexpected_rows") or [{}]
    left, right = rows[0].get("left_value"), rows[0].get("right_value")
    blind = [side for side, value in (("left", left), ("right", right)) if value in (None, "NaN")]
    if blind:
        return not_checked(
            spec, f"the {' and the '.join(blind)} statement gave no number (an empty sum is NULL: coalesce)"
        )
    return CheckResult(spec.id, Status.VIOLATED, cut(left), cut(right), f"{cut(left)} is not {cut(right)}")


def _of_count(spec: CheckSpec, answer: Answer) -> CheckResult:
    rows, least = (answer.get("result") or {}).get("observed_value"), answer["kwargs"]["min_value"]
    detail = f"{spec.table} has {rows} rows, {least} in the snapshot"
    return CheckResult(spec.id, Status.VIOLATED, rows, f"at least {least} rows", detail)


def _of_expect(spec: CheckSpec, answer: Answer) -> CheckResult:
    found = answer.get("result") or {}
    columns = found.get("unexpected_index_column_names") or []
    rows = (found.get("partial_unexpected_index_list") or [])[:KEYS_SHOWN]
    keys = tuple(",".join(shown(column, row.get(column), spec.personal) for column in columns) for row in rows)
    count = found.get("unexpected_count")
    if count is not None:
        detail = f"{count} of {found.get('element_count')} rows"
        return CheckResult(spec.id, Status.VIOLATED, count, _expected(spec), detail, keys)
    observed = shown(str(spec.arguments.get("column", "")), found.get("observed_value"), spec.personal)
    return CheckResult(spec.id, Status.VIOLATED, observed, _expected(spec), f"observed {observed}", keys)


def _of_follows(spec: CheckSpec, answer: Answer) -> CheckResult:
    plain = _of_no_rows(spec, answer)
    rows = ((answer.get("result") or {}).get("details") or {}).get("unexpected_rows") or []
    kinds = Counter(str(row.get("difference")) for row in rows)
    counted = ", ".join(f"{kinds[kind]} {kind}" for kind in ("wrong", "missing", "extra") if kinds[kind])
    total = int(plain.observed or 0)
    few = f" (of the first {len(rows)}: {counted})" if total > len(rows) else f" ({counted})"
    detail = (
        f"{plain.detail.removesuffix(' where none may be')} of {spec.about['projection']} not as the events say{few}"
    )
    return replace(plain, detail=detail)


def _of_unchanged(spec: CheckSpec, answer: Answer) -> CheckResult:
    rows = ((answer.get("result") or {}).get("details") or {}).get("unexpected_rows") or []
    gone = sum(int(row["rows_before"]) - int(row["rows_now"]) for row in rows)
    figures = f"{len(rows)} of {BUCKETS} parts of {spec.about['table']} are not as they were in the snapshot"
    words = f"{figures}; {abs(gone)} rows {'fewer' if gone > 0 else 'more'}" if gone else figures
    return CheckResult(spec.id, Status.VIOLATED, len(rows), _expected(spec), words)


def _of_schema(spec: CheckSpec, answer: Answer) -> CheckResult:
    rows = ((answer.get("result") or {}).get("details") or {}).get("unexpected_rows") or [{}]
    found = cut(rows[0].get("revision"))
    return CheckResult(spec.id, Status.VIOLATED, found, _expected(spec), f"the schema is at {found}")


_BY_KIND = {
    Kind.FOLLOWS: _of_follows,
    Kind.UNCHANGED: _of_unchanged,
    Kind.SCHEMA: _of_schema,
    Kind.NO_ROWS: _of_no_rows,
    Kind.EQUAL: _of_equal,
    Kind.NOT_BELOW_SNAPSHOT: _of_count,
    Kind.EXPECT: _of_expect,
}
