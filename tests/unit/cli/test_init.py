"""``tidegate init``: what it writes lints clean, says what it means, and overwrites nothing."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.policies import ROOT
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.policy.lint import lint
from tidegate.policy.load import load_policy


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIDEGATE_POLICIES", str(tmp_path))
    return tmp_path


def told(path: Path) -> list[str]:
    """Warnings and errors of lint."""
    return [f"{f.rule}: {f.message}" for f in lint(load_policy(path)).findings if f.severity != "info"]


def test_what_is_offered_makes_a_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", "pay", "--yes"]) == ExitCode.OK
    said = capsys.readouterr().out
    assert told(folder / "pay.yaml") == []
    assert "define these connections:    pay_db_east, pay_db_west, pay_east, pay_edge_admin, pay_west" in said
    assert "tidegate adopt pay VERSION" in said
    policy = load_policy(folder / "pay.yaml").policy
    assert (policy.version, policy.service, tuple(policy.regions)) == (1, "pay", ("east", "west"))
    assert main(["lint", str(folder / "pay.yaml"), "--strict"]) == ExitCode.OK


@pytest.mark.parametrize("rate", ["0.5/s", "5/s", "100/s", "20000/s"])
@pytest.mark.parametrize("regions", ["one", "eu-1, eu-2, us-1"])
def test_it_fits_small_and_large_services(folder: Path, rate: str, regions: str) -> None:
    settings = {"rate": rate, "regions": regions, "approvers": "ann, ben@example.com", "description": "It's: #1"}
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    assert main(["init", "my-shop", "--yes", *given]) == ExitCode.OK
    assert told(folder / "my-shop.yaml") == []
    policy = load_policy(folder / "my-shop.yaml").policy
    assert policy.description == "It's: #1"
    assert policy.promotion.approvals[0].people == ("ann", "ben@example.com")
    assert sum(policy.shares.values()) == 10_000


def test_every_part_has_its_line(folder: Path) -> None:
    main(["init", "pay", "--yes"])
    lines = (folder / "pay.yaml").read_text().splitlines()
    for number, line in enumerate(lines):
        if line[0].isalpha():
            assert "#" in line or lines[number - 1].startswith("#") or line.startswith("description"), line


def test_answers_come_from_a_file(folder: Path) -> None:
    answers = folder / "answers.yml.txt"
    answers.write_text("service: pay\nregions: [east, west, north]\ntraffic.kind: memory\nmetrics.kind: memory\n")
    assert main(["init", "--answers", str(answers)]) == ExitCode.OK
    policy = load_policy(folder / "pay.yaml").policy
    assert (tuple(policy.regions), policy.drivers.traffic.kind) == (("east", "west", "north"), "memory")


def test_nothing_is_overwritten(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "pay.yaml").write_text("mine")
    assert main(["init", "pay", "--yes"]) == ExitCode.REFUSED
    assert "is there already, and is left alone" in capsys.readouterr().err
    assert (folder / "pay.yaml").read_text() == "mine"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (["--yes"], "service has to be answered"),
        (["pay", "--yes", "--set", "regoins=east"], "did you mean 'regions'?"),
        (["pay", "--yes", "--set", "traffic.kind=envy"], "did you mean 'envoy'?"),
        (["pay", "--yes", "--set", "rate=fast"], "no policy can be made"),
        (["pay", "--yes", "--set", "steps=50%, 5%, 100%"], "steps must grow"),
        (["Pay", "--yes"], "no policy can be made"),
    ],
)
def test_what_makes_no_policy_writes_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str], given: list[str], says: str
) -> None:
    assert main(["init", *given]) == ExitCode.REFUSED
    assert says in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_where_nobody_can_answer_it_says_what_would(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert main(["init", "pay"]) == ExitCode.USAGE
    assert "nobody is here to answer 'description': give --answers, --set or --yes" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_it_says_who_is_not_asked_and_where_addresses_stand(folder: Path) -> None:
    assert main(["init", "pay", "--yes"]) == ExitCode.OK
    text = (folder / "pay.yaml").read_text()
    assert "  # approvals: nobody is asked before a weight; see docs/reference/policy.md\n" in text
    assert "# roles: " in text
    assert "AIRFLOW_CONN_NAME" in text
    assert main(["init", "asks", "--yes", "--set", "approvers=ann"]) == ExitCode.OK
    assert "nobody is asked" not in (folder / "asks.yaml").read_text()


def test_it_asks_a_person_at_a_terminal(folder: Path) -> None:
    """Service and regions typed, everything else taken as it is offered."""
    there, here = pty.openpty()
    command = [sys.executable, "-c", "import sys; from tidegate.cli import main; sys.exit(main())", "init"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "TIDEGATE_POLICIES": str(folder)}
    asking = subprocess.Popen(command, stdin=here, stdout=subprocess.PIPE, stderr=here, env=environment, text=True)
    os.close(here)
    typed = ["pay", "", "", "", "north, south", *[""] * 40]
    os.write(there, "".join(f"{line}\n" for line in typed).encode())
    seen, _ = asking.communicate(timeout=120)
    os.close(there)
    assert asking.returncode == 0, seen
    assert tuple(load_policy(folder / "pay.yaml").policy.regions) == ("north", "south")
