"""Run data checks through Great Expectations, all on one snapshot of the data."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tidegate.checks.connection import Pin, explain, pinned
from tidegate.checks.expectations import detail_format
from tidegate.checks.model import KEYS_SHOWN, CheckReport, CheckResult, CheckSpec, Kind, Limits, Status, verdict_of
from tidegate.checks.outcome import Answer, closer_look, could_not, first_look, not_checked
from tidegate.checks.preload import import_quietly
from tidegate.checks.reference import Reference, changed_keys
from tidegate.checks.standby import compare
from tidegate.checks.validation import Project, project
from tidegate.model.masking import shown

Results = dict[str, CheckResult]

# Great Expectations keeps its current project, and we its silenced standard output, in globals of the process.
_ONE_AT_A_TIME = threading.Lock()


def run(
    url: str,
    specs: Sequence[CheckSpec],
    snapshot: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
    *,
    schema_revision: str = "",
    standbys: Mapping[str, str] | None = None,
) -> CheckReport:
    """Check ``specs`` on the database at ``url`` (``postgresql+psycopg://…``) and say what was found, in their order.

    ``schema_revision``: what the running release needs, "" if it names none. ``standbys``: region -> URL.

    Never raises for what the database or Great Expectations does: a check that could not be made, for whatever reason,
    is ``not_checked``, and without a violation elsewhere the verdict is then ``no_data``. Changes nothing: every
    transaction is read-only.
    """
    started, clock = time.time(), time.monotonic()
    reference = Reference(snapshot, schema_revision, standbys or {})
    run_id, found = _checked(url, specs, reference, limits or Limits())
    missing = "Great Expectations gave no answer for it"
    results = tuple(
        replace(_clean(found.get(spec.id) or not_checked(spec, missing), url), severity=spec.severity) for spec in specs
    )
    return CheckReport(run_id, verdict_of(results), results, started, round(time.monotonic() - clock, 3))


def _checked(url: str, specs: Sequence[CheckSpec], reference: Reference, limits: Limits) -> tuple[str | None, Results]:
    """Two servers cannot be looked at in one transaction, so what compares them is no expectation."""
    across = [spec for spec in specs if spec.kind is Kind.ON_STANDBY]
    run_id, found = _expected(url, [spec for spec in specs if spec not in across], reference, limits)
    return run_id, found | {spec.id: compare(spec, url, reference.standbys, limits) for spec in across}


def _expected(url: str, specs: Sequence[CheckSpec], reference: Reference, limits: Limits) -> tuple[str | None, Results]:
    if not specs:
        return None, {}
    try:
        import_quietly()
    except Exception as error:  # a broken installation shows itself in many ways
        return None, _none(specs, f"Great Expectations cannot be imported ({error})")
    with _ONE_AT_A_TIME:
        try:
            with pinned(url, limits) as pin:
                return _in_project(url, pin, specs, reference)
        except Exception as error:
            return None, _none(specs, explain(error, url))


def _in_project(url: str, pin: Pin, specs: Sequence[CheckSpec], reference: Reference) -> tuple[str | None, Results]:
    with project(url, pin) as gx:
        found = _prepare(gx, specs, reference, url)
        ready = [spec for spec in specs if spec.id not in found]
        if not ready:
            return None, found
        name = f"tidegate-{uuid.uuid4().hex}"
        run_id, answers = _answers(gx, name, [spec.id for spec in ready])
        failed = []
        for spec in ready:
            result = first_look(spec, answers.get(spec.id, {}))
            if result is None:
                failed.append(spec)
            else:
                found[spec.id] = result
        return run_id, found | _look_closer(gx, name, failed, reference)


def _answers(gx: Project, name: str, checks: list[str]) -> tuple[str, dict[str, Answer]]:
    """Run id, and what BOOLEAN_ONLY says of each. What is evaluated together fails together: then once more, apart."""
    shared = gx.together()
    run_id, answers = gx.run(name, checks, "BOOLEAN_ONLY")
    gx.apart()
    again = [check for check in checks if check in shared and could_not(answers.get(check, {})) is not None]
    if again:
        answers |= gx.run(f"{name}-apart", again, "BOOLEAN_ONLY")[1]
    return run_id, answers


def _prepare(gx: Project, specs: Iterable[CheckSpec], reference: Reference, url: str) -> Results:
    """Add every spec to the project; results for those that cannot be."""
    unfit = {}
    for spec in specs:
        try:
            gx.add(spec, reference)
        except Exception as error:  # pydantic's, Great Expectations', SQLAlchemy's, ours
            unfit[spec.id] = not_checked(spec, explain(error, url))
    return unfit


def _look_closer(gx: Project, name: str, failed: Iterable[CheckSpec], reference: Reference) -> Results:
    """Figures and keys for what has failed. Whatever goes wrong here, a violation stays a violation."""
    found = {}
    for number, spec in enumerate(failed, 1):
        try:
            keys = gx.primary_key(spec.table) if spec.kind is Kind.EXPECT else []
            _, answers = gx.run(f"{name}-detail-{number}", [spec.id], detail_format(spec, keys))
        except Exception:
            answers = {}
        found[spec.id] = closer_look(spec, answers.get(spec.id, {}))
        if spec.kind is Kind.UNCHANGED:
            found[spec.id] = _named(gx, spec, answers.get(spec.id, {}), found[spec.id], reference)
    return found


def _named(gx: Project, spec: CheckSpec, answer: Answer, result: CheckResult, reference: Reference) -> CheckResult:
    """With the keys of the rows that were written since the snapshot: a row that is gone has none to show."""
    rows = ((answer.get("result") or {}).get("details") or {}).get("unexpected_rows") or []
    try:
        written = gx.rows(changed_keys(spec, reference, [int(row["bucket"]) for row in rows], KEYS_SHOWN))
    except Exception:
        return result
    key = spec.about["key"]
    return replace(result, failed_keys=tuple(shown(key, row[0], spec.personal) for row in written))


def _none(specs: Iterable[CheckSpec], reason: str) -> Results:
    return {spec.id: not_checked(spec, reason) for spec in specs}


def _clean(result: CheckResult, url: str) -> CheckResult:
    """No secret and no stack trace in what is journalled."""
    return replace(result, detail=explain(result.detail, url)) if result.status is Status.NOT_CHECKED else result
