"""``tidegate run … --group``, ``status --group``, ``group …``, and ``run rollback --with-dependents``."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.support.group_policies import GROUP, folder_of
from tests.support.groups import MEMBERS, Storefront, storefront
from tests.support.operations import promote
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.requires import facts_of
from tidegate.policy.group_folder import Groups, load_groups
from tidegate.policy.requires import requirements

Said = pytest.CaptureFixture[str]
BY = ["--by", "cat", "--reason", "a test"]


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Storefront:
    """The commands read the group's file, and are handed these estates for its services."""
    made = storefront(tmp_path, "go_on")
    folder = folder_of(tmp_path, GROUP.replace("hold", "go_on"))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(folder))
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    for name in ("find_world", "find_paper"):
        monkeypatch.setattr(f"tidegate.cli.groups.{name}", lambda service: made.rigs[service].world)
    monkeypatch.setattr("tidegate.cli.groups.load_groups", lambda *a, **k: of_rigs(made, load_groups(*a, **k)))
    return made


def of_rigs(made: Storefront, found: Groups) -> Groups:
    """The groups as read; of the policies, those that the estates run by."""
    policies = {n: dataclasses.replace(one, policy=made.rigs[n].world.policy) for n, one in found.policies.items()}
    return dataclasses.replace(found, policies=policies)


def test_there_home_and_what_status_says(group: Storefront, capsys: Said) -> None:
    assert main(["status", "--group", "storefront"]) == ExitCode.OK
    assert "storefront: no operation of the group yet" in capsys.readouterr().out
    away = ["run", "switchover", "--group", "storefront", "--to", "west", *BY]
    assert main([*away, "--request-id", "one"]) == ExitCode.OK
    assert group.writers() == dict.fromkeys(MEMBERS, ("west",))
    said = capsys.readouterr().out
    assert "storefront: switchover from east to west: moved" in said
    assert "order:                what is needed moves first" in said
    assert main([*away, "--request-id", "one"]) == ExitCode.OK, "asked twice is once"
    capsys.readouterr()
    assert main([*away, "--request-id", "two"]) == ExitCode.REFUSED
    assert "all of storefront is in west already" in capsys.readouterr().err
    assert main(["run", "switchover", "--group", "storefront", "--to", "east", *BY]) == ExitCode.OK
    assert "order:                whoever needs others moves first" in capsys.readouterr().out
    assert main(["status", "--group", "storefront", "--json"]) == ExitCode.OK
    document = json.loads(capsys.readouterr().out)
    assert [(m["service"], m["where"], m["state"]) for m in document["members"]] == [
        (name, "east", "settled") for name in MEMBERS
    ]


def test_one_fails_and_a_person_decides(group: Storefront, capsys: Said) -> None:
    rig = group.rigs["payments"]
    rig.database.hold("west")
    rig.database.write("east", "the last order")
    assert main(["run", "switchover", "--group", "storefront", "--to", "west", *BY]) == ExitCode.NEEDS_PERSON
    said = capsys.readouterr().out
    assert "shop      east: HELD: payments failed" in said
    assert "payments  east: FAILED, and is where it was" in said
    assert "why: turned back: " in said and "west has not got everything" in said
    assert "catalog   west: there" in said
    assert "tidegate group go-on storefront --by <name> --reason <why>" in said
    assert main(["group", "go-on", "storefront", "--without", "catalog", *BY]) == ExitCode.REFUSED
    assert "catalog has not failed" in capsys.readouterr().err
    assert main(["group", "go-back", "storefront", *BY]) == ExitCode.OK
    assert main(["group", "carry", "storefront", *BY]) == ExitCode.TURNED_BACK
    assert group.writers() == dict.fromkeys(MEMBERS, ("east",))
    assert "decided:              back, by cat: a test" in capsys.readouterr().out
    assert main(["group", "carry", "storefront", *BY]) == ExitCode.REFUSED
    assert "no operation of storefront is open" in capsys.readouterr().err


def test_names_that_nobody_knows(group: Storefront, capsys: Said) -> None:
    assert main(["status", "--group", "storefrnt"]) == ExitCode.REFUSED
    assert "did you mean 'storefront'?" in capsys.readouterr().err
    assert main(["status"]) == ExitCode.REFUSED
    assert "name a service, or --group" in capsys.readouterr().err
    assert main(["run", "failover", "shop", "--group", "storefront", *BY]) == ExitCode.REFUSED
    assert main(["run", "failover", "--group", "storefront", "--only", "database", *BY]) == ExitCode.REFUSED
    assert "are of one service" in capsys.readouterr().err


def test_taken_back_with_its_dependents(group: Storefront, capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(group.rigs["payments"], "1.1.0")
    shop = group.rigs["shop"]
    wants = shop.world.policy.model_copy(update={"requires": ("payments >= 1.1",)})
    said = {"shop": requirements(wants), "payments": (), "catalog": ()}
    monkeypatch.setattr("tidegate.cli.groups.said_by_policies", lambda: said)
    for rig in group.rigs.values():
        rig.world = dataclasses.replace(rig.world, others=lambda: said)
    shop.world = dataclasses.replace(shop.world, policy=wants)
    promote(shop, "1.1.0")
    assert main(["run", "rollback", "payments", "--with-dependents", *BY]) == ExitCode.OK
    assert "payments to 1.0.0, shop to 1.0.0" in capsys.readouterr().out
    stable = [facts_of(group.journal, name).stable for name in ("shop", "payments")]
    assert [release.version for release in stable if release] == ["1.0.0", "1.0.0"]
