"""``make mutants`` itself: it catches, and it tells when it does not. All guards together take minutes: not here."""

from __future__ import annotations

import dataclasses
import os

import pytest

from tests.safety.guard import Guard
from tests.safety.guards import GUARDS
from tests.safety.mutants import INCLUDE, Verdict, mutated, try_out

pytestmark = pytest.mark.skipif("TIDEGATE_MUTANTS" in os.environ, reason="these tests start mutants themselves")
SUM = next(g for g in GUARDS if g.name == "weights sum")
KEYS = next(g for g in GUARDS if g.name == "no number that readers disagree on")
CHAIN = next(g for g in GUARDS if g.name == "epochs do not go back")


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: g.name)
def test_every_guard_is_where_the_table_says(guard: Guard) -> None:
    assert mutated(guard) != (INCLUDE / "tidegate" / guard.file).read_text()


def test_names_are_given_once() -> None:
    names = [guard.name for guard in GUARDS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("guard", [SUM, KEYS, CHAIN], ids=lambda g: g.name)
def test_a_guard_that_is_taken_out_is_missed(guard: Guard) -> None:
    found = try_out(guard)
    assert found.verdict is Verdict.CAUGHT, found.why


@pytest.mark.parametrize(
    ("change", "verdict", "why"),
    [
        ({"new": "if total != TOTAL and True:"}, Verdict.SURVIVED, "green without it"),
        ({"old": "if it had moved:"}, Verdict.MOVED, "the guard moved: update the table"),
        ({"old": "total", "new": "total"}, Verdict.MOVED, "times: the guard moved"),
        ({"new": "if no_such_name:"}, Verdict.BROKEN, "fell over: NameError"),
        ({"old": "TOTAL = 10_000", "new": "import no_such_module"}, Verdict.BROKEN, ""),
        ({"tests": ("safety/test_rules.py::test_that_is_not_there",)}, Verdict.BROKEN, ""),
    ],
)
def test_what_proves_nothing_is_told(change: dict[str, object], verdict: Verdict, why: str) -> None:
    found = try_out(dataclasses.replace(SUM, **change))
    assert (found.verdict, why in found.why) == (verdict, True), found
