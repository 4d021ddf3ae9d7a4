"""The section backups: who is asked before a restored database takes the live one's place."""

from __future__ import annotations

import pytest

from tests.support.policies import changed, parsed
from tidegate.errors import PolicyErrors
from tidegate.policy import load

DRIVER = ("drivers:\n", "drivers:\n  backups: {kind: memory}\n")
ASKED = "approval: {from: [ann, ben], quorum: 2, within: 15m}"


def with_backups(asked: str = "", *changes: tuple[str, str]) -> str:
    section = f"backups: {{every: 24h{', ' + asked if asked else ''}}}\n"
    return changed(DRIVER, ("checks:\n", section + "checks:\n"), *changes)


def test_who_is_asked_is_no_part_of_the_digest_if_it_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "digest", lambda value: value)  # what is digested, as it is
    assert "approval" in load.policy_digest(parsed(with_backups(ASKED)).policy)["policy"]["backups"]
    assert "approval" not in load.policy_digest(parsed(with_backups()).policy)["policy"]["backups"], "as before"


def test_a_quorum_that_can_never_be_met_is_refused() -> None:
    with pytest.raises(PolicyErrors, match="a quorum of 3 out of 2"):
        parsed(with_backups(ASKED.replace("quorum: 2", "quorum: 3")))


def test_whom_it_asks_must_be_allowed_to_answer() -> None:
    roles = ("objectives:", "roles: {operator: [dan], approver: [ann, bem]}\nobjectives:")
    with pytest.raises(PolicyErrors, match="'ben' is no approver in roles; did you mean 'bem'"):
        parsed(with_backups(ASKED, roles))
