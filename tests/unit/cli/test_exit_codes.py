"""Exit codes tell a script whether anything changed; words tell a person what to do next."""

from __future__ import annotations

import json

import pytest

from tidegate import errors
from tidegate.cli.complaint import as_json, as_text
from tidegate.cli.exit_codes import ExitCode, exit_code
from tidegate.errors import Changed, PolicyError, PolicyErrors, TidegateError


def every_error() -> list[type[TidegateError]]:
    found, todo = [], [TidegateError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


def made(kind: type[TidegateError]) -> TidegateError:
    if kind is PolicyErrors:
        return PolicyErrors([PolicyError("wrong", file="a.yaml", line=2, column=3, next_step="do this")])
    extra = {"file": "a.yaml"} if issubclass(kind, PolicyError) else {}
    if kind is errors.JournalCorrupt:
        extra = {"service": "shop", "seq": 7}
    if kind is errors.GivesWay:
        extra = {"operation": "shop-promotion-1"}
    return kind("it went wrong", next_step="do this", **extra)


@pytest.mark.parametrize("kind", every_error(), ids=lambda k: k.__name__)
def test_every_error_has_a_code_that_tells_the_truth_about_change(kind: type[TidegateError]):
    error = made(kind)
    code = exit_code(error)
    assert code is not ExitCode.OK
    if error.changed is not Changed.NO:
        assert code in (ExitCode.LOOK_FIRST, ExitCode.CORRUPT, ExitCode.JOURNAL)
    if kind is not TidegateError:
        assert code is not ExitCode.MISTAKE, "a known error is not a mistake in Tidegate"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.PolicyError, 3),
        (errors.PolicyErrors, 3),
        (errors.PlanError, 3),
        (errors.Refused, 4),
        (errors.NotYet, 4),
        (errors.Rejected, 4),
        (errors.Unreachable, 5),
        (errors.Throttled, 5),
        (errors.OutcomeUnknown, 6),
        (errors.NotSettled, 6),
        (errors.LeaseLost, 7),
        (errors.JournalConflict, 8),
        (errors.JournalCorrupt, 9),
    ],
)
def test_the_table(kind: type[TidegateError], code: int):
    assert exit_code(made(kind)) == code


@pytest.mark.parametrize("kind", every_error(), ids=lambda k: k.__name__)
def test_words_say_what_happened_whether_anything_changed_and_what_next(kind: type[TidegateError]):
    text = as_text(made(kind))
    assert text.startswith("error: ")
    assert "do this" in text
    assert "changed" in text or "nothing ran" in text


def test_an_unknown_outcome_is_not_called_unchanged():
    text = as_text(errors.OutcomeUnknown("no answer"))
    assert "something may have changed: look before you go on" in text
    assert "nothing changed" not in text


@pytest.mark.parametrize("kind", every_error(), ids=lambda k: k.__name__)
def test_json_for_scripts(kind: type[TidegateError]):
    error = made(kind)
    value = json.loads(as_json(error))
    assert value["error"] == kind.__name__
    assert value["changed"] == error.changed.value
    assert value["exit_code"] == exit_code(error)
    assert value["next"] == "do this"
