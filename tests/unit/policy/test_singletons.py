"""The key singletons: what it takes, what is refused, and what lint says of it."""

from __future__ import annotations

import pytest

from tests.support.policies import changed, complaints, parsed
from tests.unit.policy.test_failover import SECTION
from tidegate.policy.lint import lint

JOBS = ("checks:\n", "singletons: [outbox]\nchecks:\n")
MOVES = ("checks:\n", SECTION + "checks:\n")


def rules(text: str) -> set[str]:
    return {found.rule for found in lint(parsed(text)).findings}


def test_it_is_none_and_no_part_of_the_digest_if_it_is_not_written() -> None:
    without, with_jobs = parsed(changed()), parsed(changed(JOBS))
    assert (without.policy.singletons, with_jobs.policy.singletons) == (None, ("outbox",))
    assert without.digest == "sha256:3e372329f2c472d97af63d75b04d6c4fe984086856afb129b380e4f073c68f3d", "as before"
    assert with_jobs.digest != without.digest


@pytest.mark.parametrize(
    ("jobs", "words"), [("[outbox, outbox]", "'outbox' stands twice"), ("[]", ""), ("[Out-Box]", "")]
)
def test_what_cannot_be_meant_is_refused(jobs: str, words: str) -> None:
    said = complaints(changed(("checks:\n", f"singletons: {jobs}\nchecks:\n")))
    assert said
    assert words in said[0]


def test_lint_says_that_nobody_moves_them_without_a_failover() -> None:
    assert "singletons-stay" in rules(changed(JOBS))
    assert "singletons-stay" not in rules(changed(JOBS, MOVES))


def test_lint_says_that_nobody_knows_how_one_is_started() -> None:
    regions = 'kind: supervisor, slots: slots, regions: {east: "conn://east", west: "conn://west"}'
    known = changed(JOBS, MOVES, ("compute: {kind: memory", f'compute: {{{regions}, singletons: {{outbox: "worker"}}'))
    assert "singleton-no-program" not in rules(known)
    assert "singleton-no-program" in rules(changed(("[outbox]", "[outbox, another]"), base=known))
