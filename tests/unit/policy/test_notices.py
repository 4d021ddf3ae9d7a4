"""What a policy may say of who is told, and that it names who answers for it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from tests.support.policies import SMALL, changed, complaints, parsed
from tidegate.errors import PolicyErrors
from tidegate.model.notice import Point
from tidegate.model.operation import OperationKind
from tidegate.policy import notices
from tidegate.policy.announce import raise_errors
from tidegate.policy.lint import lint
from tidegate.policy.notices import At

OWNERS = "owners: {release: team-pay, rollback: team-pay, failover: sre, dashboard: sre}\n"


def told(line: str) -> str:
    return f"{SMALL}notify:\n  one: {{{line}}}\n"


def test_the_points_are_the_models() -> None:
    assert get_args(At) == tuple(point.value for point in Point)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('kind: pagerdty, to: "conn://p", at: [stuck]', "did you mean 'pagerduty'?"),
        ('kind: pagerduty, to: "conn://p", at: [stuk]', "did you mean 'stuck'?"),
        ('kind: pagerduty, to: "conn://p", at: [stuck, stuck]', "'stuck' stands twice in at"),
        ('kind: pagerduty, to: "conn://p", at: []', "at least 1"),
        ('kind: pagerduty, to: "conn://p", at: [stuck], channel: "#x"', "pagerduty takes no channel"),
        ('kind: slack, to: "conn://p", at: [stuck]', "slack needs channel"),
        ('kind: smtp, to: "conn://p", at: [stuck]', "smtp needs recipients"),
        ('kind: smtp, to: "conn://p", at: [stuck], recipients: [nobody]', "'nobody' is not a mail address"),
        ('kind: sns, to: "conn://p", at: [stuck], topic: shop', "is not the ARN of an SNS topic"),
    ],
)
def test_what_is_wrong_is_said(line: str, said: str) -> None:
    assert any(said in one for one in complaints(told(line))), complaints(told(line))


def test_the_address_of_a_webhook_is_a_secret_and_not_repeated() -> None:
    (found,) = complaints(told('kind: slack_webhook, to: "https://hooks.slack.com/services/T0/B0/opal", at: [stuck]'))
    assert "to is not a connection reference" in found
    assert "opal" not in found


def test_a_receiver_more_changes_no_digest() -> None:
    assert parsed(told('kind: pagerduty, to: "conn://p", at: [stuck]')).digest == parsed(SMALL).digest


def test_a_provider_that_is_not_installed_is_an_error_that_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of lint and of Airflow's import errors; the policy loads all the same, since break-glass needs no notices."""
    source = told('kind: pagerduty, to: "conn://p", at: [stuck, needs_approval]')
    (tmp_path / "pay.yaml").write_text(source)
    raise_errors(tmp_path, tmp_path / "snapshots")
    monkeypatch.setitem(notices.PACKAGES, "pagerduty", "apache-airflow-providers-not-to-be-had")
    (found,) = [f for f in lint(parsed(source)).findings if f.rule == "notify-package"]
    assert (found.severity, found.line) == ("error", parsed(source).tree.items["notify"][1].mark.line)
    assert "pip install apache-airflow-providers-not-to-be-had" in found.hint
    with pytest.raises(PolicyErrors, match="needs the package apache-airflow-providers-not-to-be-had"):
        raise_errors(tmp_path, tmp_path / "snapshots")


def test_points_of_which_nobody_is_told_are_warned_of() -> None:
    rules = [f.message for f in lint(parsed(told('kind: pagerduty, to: "conn://p", at: [finished]'))).findings]
    assert [m for m in rules if m.startswith("nobody is told when an operation is at the point")] == [
        "nobody is told when an operation is at the point needs_approval",
        "nobody is told when an operation is at the point stuck",
    ]


@pytest.mark.parametrize(
    ("new", "said"),
    [
        ("", "owners is missing; a policy names who answers for it"),
        ("owners: {release: team-pay, rollback: team-pay, dashboard: sre}\n", "failover is missing; a policy names"),
        (OWNERS.replace("sre}", '" "}'), "' ' is not a name of somebody"),
        (OWNERS.replace("dashboard: sre", 'dashboard: ""'), "'' is not a name of somebody"),
    ],
)
def test_a_policy_without_owners_is_refused(new: str, said: str) -> None:
    assert any(said in one for one in complaints(changed((OWNERS, new)))), complaints(changed((OWNERS, new)))


def test_each_kind_has_its_owner() -> None:
    owners = parsed(changed((OWNERS, "owners: {release: r, rollback: b, failover: f, dashboard: d}\n"))).policy.owners
    assert {kind: owners.of(kind) for kind in (OperationKind.PROMOTION, OperationKind.ROLLBACK)} == {
        OperationKind.PROMOTION: "r",
        OperationKind.ROLLBACK: "b",
    }
    moves = (OperationKind.SWITCHOVER, OperationKind.FAILOVER, OperationKind.REPROTECT)
    assert {owners.of(kind) for kind in moves} == {owners.of(kind, going_back=True) for kind in moves} == {"f"}
    assert owners.of(OperationKind.PROMOTION, going_back=True) == "b"
