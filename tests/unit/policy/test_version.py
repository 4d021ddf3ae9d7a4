"""A policy says in which version of the format it is written; without it, in the first."""

from __future__ import annotations

import json

import pytest

from tests.support.old_estate import CORPUS
from tests.support.policies import SMALL, complaints, parsed
from tidegate import __version__
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.policy.load import load_policy


def test_left_out_it_is_the_first() -> None:
    assert parsed(SMALL).policy.version == 1


def test_written_down_the_policy_is_the_same() -> None:
    assert parsed(f"version: 1\n{SMALL}").digest == parsed(SMALL).digest


def test_a_newer_one_is_told_alone_and_says_what_to_use() -> None:
    """What else is unknown in it follows from the version."""
    (line,) = complaints(f"version: 2\nhorizon: 5m\n{SMALL}")
    assert line.startswith("1:10: this policy is written in version 2 of the format")
    assert f"Tidegate {__version__} reads 1" in line
    assert "use a Tidegate that reads version 2" in line


@pytest.mark.parametrize("written", ["0", "-1", "1.0", "'1'", "one", "true"])
def test_what_is_no_version_is_refused(written: str) -> None:
    assert complaints(f"version: {written}\n{SMALL}")


@pytest.mark.parametrize("kept", sorted(CORPUS.glob("*/policy")), ids=lambda p: p.parent.name)
def test_an_old_policy_makes_the_plan_that_it_made(kept) -> None:
    """Tasks of a run that is open during an upgrade compare their plan with the bound one, and hold if they differ.

    If a plan has to change, say so in ``docs/how-to/upgrade.md``: such runs are then ended by break-glass.
    """
    loaded = load_policy(kept / "shop.yaml")
    plans = {p.kind.value: p.digest for p in (f(loaded.policy, loaded.digest) for f in (promotion_plan, rollback_plan))}
    assert {"policy": loaded.digest, "plans": plans} == json.loads((kept / "digests.json").read_text())
