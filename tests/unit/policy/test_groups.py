"""Groups and requirements as an operator writes them: what is refused, where, with the likely word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.group_policies import GROUP, folder_of, policy_text
from tests.support.policies import complaints
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.model.requirement import Requirement
from tidegate.policy.group_folder import load_groups
from tidegate.policy.load import load_policy, policy_digest

Said = pytest.CaptureFixture[str]


def lint(folder: Path, said: Said) -> str:
    code = main(["lint", str(folder)])
    told = said.readouterr()
    assert code in (ExitCode.OK, ExitCode.POLICY)
    assert (code == ExitCode.OK) == (not told.err), told.err
    return told.out + told.err


def test_a_good_group_says_its_order(tmp_path: Path, capsys: Said) -> None:
    said = lint(folder_of(tmp_path), capsys)
    assert "moves payments and catalog, then shop; home in reverse; if one fails, the rest is held" in said


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  payments: {}",
            "  paymnts: {}",
            "storefront.yaml:7:3: no policy defines the service 'paymnts'; did you mean",
        ),
        (
            "[payments, catalog]",
            "[payments, catalgo]",
            "6:28: 'catalgo' is no service of this group; did you mean 'cata",
        ),
        ("  catalog: {}", "  catalog: {needs: [catalog]}", "in a circle: catalog -> catalog"),
        ("when_one_fails: hold", "when_one_fails: holt", "'holt' is not one of hold, go_on; did you mean 'hold'"),
        ("owners: {failover: sre, rollback: team-shop}", "owners: {failover: sre}", "rollback is missing"),
        ("group: storefront", "group: Store", "is not a lower-case letter"),
        ("when_one_fails", "when_fails", "unknown key 'when_fails'; did you mean 'when_one_fails'"),
    ],
)
def test_what_is_wrong_in_a_group(tmp_path: Path, capsys: Said, old: str, new: str, expected: str) -> None:
    assert old in GROUP
    assert expected in lint(folder_of(tmp_path, GROUP.replace(old, new)), capsys)


def test_needs_that_form_a_circle(tmp_path: Path, capsys: Said) -> None:
    said = lint(folder_of(tmp_path, GROUP.replace("catalog: {}", "catalog: {needs: [shop]}")), capsys)
    assert "storefront.yaml:6:28: services need each other in a circle: shop -> catalog -> shop" in said


def test_a_service_that_does_not_move(tmp_path: Path, capsys: Said) -> None:
    said = lint(folder_of(tmp_path, payments=policy_text("payments", moves=False)), capsys)
    assert "storefront.yaml:7:3: the policy of payments does not say how it moves; add failover to the policy" in said


def test_services_of_one_group_have_one_home(tmp_path: Path, capsys: Said) -> None:
    west = (
        policy_text("catalog")
        .replace("database: primary", "database: x")
        .replace("database: standby", "database: primary")
    )
    said = lint(folder_of(tmp_path, catalog=west.replace("database: x", "database: standby")), capsys)
    assert "catalog has its primary in west, and shop in east; services that move together have one home" in said


def test_a_service_in_two_groups(tmp_path: Path, capsys: Said) -> None:
    folder = folder_of(tmp_path)
    second = GROUP.replace("group: storefront", "group: money").replace(
        "shop: {needs: [payments, catalog]}", "shop: {}"
    )
    (folder / "groups" / "money.yaml").write_text(second)
    said = lint(folder, capsys)
    assert "money.yaml:7:3: payments is in the group storefront as well; a service moves with one group" in said
    assert "storefront.yaml:7:3: payments is in the group money as well" in said


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        ('"paymnts >= 1.1"', "no policy defines the service 'paymnts'; did you mean 'payments'?"),
        ('"payments => 1.1"', "is not a service, one of >= <= == != > <, and a version, like payments >= 1.1"),
        ('"payments >= new"', "is not a service, one of >= <= == != > <, and a version"),
        ('"shop >= 1.1"', "a service requires nothing of itself"),
    ],
)
def test_what_is_wrong_in_requires(tmp_path: Path, capsys: Said, requires: str, expected: str) -> None:
    said = lint(folder_of(tmp_path, shop=policy_text("shop", requires=requires)), capsys)
    assert "shop.yaml:" in said and expected in said


def test_services_that_require_each_other(tmp_path: Path, capsys: Said) -> None:
    shop = policy_text("shop", requires='"payments >= 1.1"')
    payments = policy_text("payments", requires='"shop >= 2"')
    assert "services require each other in a circle: " in lint(
        folder_of(tmp_path, shop=shop, payments=payments), capsys
    )


def test_a_name_that_the_journal_gives_to_groups() -> None:
    assert any("is what the journal calls a group" in c for c in complaints(policy_text("store--group")))


def test_requires_holds_nothing_that_runs(tmp_path: Path) -> None:
    """It decides what may begin: to write one more must not change the digest of a plan that is under way."""
    folder = folder_of(tmp_path, shop=policy_text("shop", requires='"payments >= 1.1"'))
    without = folder_of(tmp_path / "b")
    assert policy_digest(load_policy(folder / "shop.yaml").policy) == policy_digest(
        load_policy(without / "shop.yaml").policy
    )


@pytest.mark.parametrize(
    ("text", "good", "bad"),
    [
        ("a >= 1.1", ["1.1", "1.1.0", "1.10.2", "v2.0"], ["1.0.9", "1.1.0-rc1", "nightly", ""]),
        ("a < 2", ["1.9.9", "2.0.0-rc1"], ["2.0", "2"]),
        ("a == 1.0", ["1", "1.0.0+build7"], ["1.0.1"]),
        ("a != 1.0", ["1.0.1"], ["1.0", "nightly"]),
    ],
)
def test_versions_are_compared_by_their_numbers(text: str, good: list[str], bad: list[str]) -> None:
    wanted = Requirement.parse(text)
    assert [v for v in good if not wanted.met_by(v)] == []
    assert [v for v in bad if wanted.met_by(v)] == []


def test_a_broken_file_keeps_its_last_good_state(tmp_path: Path) -> None:
    folder, kept = folder_of(tmp_path), tmp_path / "kept"
    (good,) = load_groups(folder, kept).groups
    (folder / "groups" / "storefront.yaml").write_text(GROUP.replace("services:", "servces:"))
    found = load_groups(folder, kept)
    (stale,) = found.groups
    assert (stale.group, stale.stale) == (good.group, True)
    assert any("servces" in str(error) for error in found.errors)
    (folder / "payments.yaml").write_text(policy_text("payments", moves=False))
    gone = load_groups(folder, kept)
    assert gone.groups == (), "what no longer holds is not gone back to"
    assert any("cannot be used: the policy of payments does not say" in str(e) for e in gone.errors)


def test_without_a_last_good_state_it_is_said(tmp_path: Path) -> None:
    found = load_groups(folder_of(tmp_path, "group: [\n"), tmp_path / "kept")
    assert found.groups == ()
    assert any("no last good state is known for this file" in str(error) for error in found.errors)


def test_nothing_is_kept_by_those_who_only_read(tmp_path: Path) -> None:
    load_groups(folder_of(tmp_path), tmp_path / "kept", record=False)
    assert not (tmp_path / "kept").exists()
