"""Every safety rule has an address: a file that holds its sentence, and for each clause tests, or the part to come."""

from __future__ import annotations

import ast
from functools import lru_cache
from pathlib import Path

import pytest

from tests.safety.guards import GUARDS
from tests.safety.rules import RULES, Rule

TESTS = Path(__file__).parents[1]
LAST_PART = 4


@lru_cache
def functions(path: Path) -> frozenset[str]:
    return frozenset(n.name for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef))


def missing(node: str) -> bool:
    """Whether a node id below ``tests/`` names no test."""
    file, _, rest = node.partition("::")
    path = TESTS / file
    return not path.is_file() or rest.partition("[")[0] not in functions(path)


def by_number(rule: Rule) -> str:
    return f"rule {rule.number}"


def test_there_are_eleven() -> None:
    assert [rule.number for rule in RULES] == list(range(1, 12))


@pytest.mark.parametrize("rule", RULES, ids=by_number)
def test_the_rule_has_a_file_that_holds_its_sentence(rule: Rule) -> None:
    (file,) = Path(__file__).parent.glob(f"{rule.prefix}*.py")
    said = " ".join((ast.get_docstring(ast.parse(file.read_text())) or "").split())
    assert said.startswith(f"Rule {rule.number}. {rule.sentence}"), f"{file.name} says: {said}"


@pytest.mark.parametrize("rule", RULES, ids=by_number)
def test_every_clause_is_tested_or_comes_with_a_part(rule: Rule) -> None:
    for clause in rule.clauses:
        assert bool(clause.tests) != bool(clause.part), f"rule {rule.number}: {clause.says}: tests, or a part"
        assert clause.part is None or 2 < clause.part <= LAST_PART, f"{clause.says}: part {clause.part}"
        gone = [node for node in clause.tests if missing(node)]
        assert not gone, f"rule {rule.number}: {clause.says}: no such test: {gone}"


def test_every_rule_that_is_built_has_a_guard_that_can_be_taken_out() -> None:
    built = {rule.number for rule in RULES if any(clause.tests for clause in rule.clauses)}
    assert built - {guard.rule for guard in GUARDS} == set()
