"""How an error is told: what happened, whether anything changed, and what to do next."""

from __future__ import annotations

import json
from typing import Any

from tidegate.cli.exit_codes import exit_code
from tidegate.errors import Changed, PolicyError, PolicyErrors, TidegateError

_CHANGED = {
    Changed.NO: "nothing changed",
    Changed.YES: "something has changed",
    Changed.UNKNOWN: "something may have changed: look before you go on",
}


def as_text(error: TidegateError) -> str:
    """For people, on standard error. Several lines, no traceback."""
    if isinstance(error, PolicyErrors):
        lines = [f"error: {one}" for one in error.errors]
        count = len(error.errors)
        return "\n".join([*lines, f"{count} error{'s' if count > 1 else ''}; nothing ran"])
    if isinstance(error, PolicyError):
        return f"error: {error}\nnothing ran"
    lines = [f"error: {error.message}", f"changed: {_CHANGED[error.changed]}"]
    return "\n".join([*lines, *([f"next: {error.next_step}"] if error.next_step else [])])


def as_json(error: TidegateError) -> str:
    """For scripts (``--json``), on standard output."""
    value: dict[str, Any] = {
        "error": type(error).__name__,
        "message": error.message,
        "changed": error.changed.value,
        "retryable": error.retryable,
        "next": error.next_step,
        "exit_code": int(exit_code(error)),
    }
    if isinstance(error, PolicyErrors):
        value["errors"] = [policy_error(one) for one in error.errors]
    return json.dumps(value, indent=2, ensure_ascii=False)


def policy_error(error: PolicyError) -> dict[str, Any]:
    """One error of a policy as JSON."""
    where = {"file": error.file, "line": error.line, "column": error.column}
    return {**where, "message": error.message, "hint": error.next_step}
