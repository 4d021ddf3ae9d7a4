"""``tidegate lint`` and ``tidegate schema``, as a person or a script calls them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from tests.support.policies import ROOT, SHOP, SMALL, changed
from tidegate.cli import app, main
from tidegate.errors import OutcomeUnknown


@pytest.fixture
def pay(tmp_path: Path) -> Path:
    path = tmp_path / "pay.yaml"
    path.write_text(SMALL)
    return path


def test_lint_tells_what_the_gates_buy(pay: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["lint", str(pay)]) == 0
    out = capsys.readouterr().out
    for expected in (f"pay ({pay})", "at most 1.00% of good releases", "wave  region  weight", "above 1%", "checkout"):
        assert expected in out


def test_lint_without_a_path_looks_at_the_policy_folder(capsys: pytest.CaptureFixture[str]):
    assert main(["lint"]) == 0
    assert f"shop ({SHOP})" in capsys.readouterr().out


def test_lint_shows_every_error_and_no_traceback(pay: Path, capsys: pytest.CaptureFixture[str]):
    pay.write_text(changed(("alpha: 1%", "alpha: 99%"), ("quorum: 1", "quorum: 3")))
    assert main(["lint", str(pay)]) == 3
    shown = capsys.readouterr()
    assert f"error: {pay}:22:10: alpha is above 20%" in shown.err
    assert f"{pay}:32:47: a quorum of 3 out of 2" in shown.err
    assert "2 errors; nothing ran" in shown.err
    assert "Traceback" not in shown.err


def test_one_bad_file_does_not_hide_the_others(pay: Path, capsys: pytest.CaptureFixture[str]):
    (pay.parent / "bad.yaml").write_text("service: bad\n")
    assert main(["lint", str(pay.parent)]) == 3
    shown = capsys.readouterr()
    assert f"pay ({pay})" in shown.out
    assert "bad.yaml" in shown.err


def test_two_files_of_one_service(pay: Path, capsys: pytest.CaptureFixture[str]):
    (pay.parent / "copy.yaml").write_text(SMALL)
    assert main(["lint", str(pay.parent)]) == 3
    assert "the service 'pay' is defined in" in capsys.readouterr().err


def test_an_error_of_lint_fails_and_a_warning_only_if_asked(pay: Path):
    pay.write_text(changed(("5%: {requests: 100}", "5%: {requests: 5000}")))
    assert main(["lint", str(pay)]) == 0
    assert main(["lint", "--strict", str(pay)]) == 3
    pay.write_text(changed(("5%: {requests: 100}", "5%: {requests: 500000}")))
    assert main(["lint", str(pay)]) == 3


def test_lint_for_scripts(pay: Path, capsys: pytest.CaptureFixture[str]):
    pay.write_text(changed(("not_worse_by: 1%", "not_worse_by: 0.0001%")))
    (pay.parent / "bad.yaml").write_text("service: bad\nx: &a 1\n")
    assert main(["lint", str(pay.parent), "--json"]) == 3
    shown = capsys.readouterr()
    value = json.loads(shown.out)
    assert value["errors"][0] == {
        "file": str(pay.parent / "bad.yaml"),
        "line": 2,
        "column": 4,
        "message": "an anchor (&a)",
        "hint": "write the value out where it is used",
    }
    gates = value["policies"][0]["gates"]
    assert gates[1]["seconds"] is None, "what never comes is null"
    assert value["policies"][0]["findings"][0]["rule"] == "gate-starved"
    assert shown.err == ""


@pytest.mark.parametrize("as_json", [False, True])
def test_a_directory_without_policies_is_not_all_well(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool
):
    assert main(["lint", str(tmp_path), *(["--json"] if as_json else [])]) == 3
    shown = capsys.readouterr()
    if as_json:
        assert json.loads(shown.out)["message"] == "holds no policy"
    else:
        assert "holds no policy" in shown.err


def test_schema_prints_the_committed_one(capsys: pytest.CaptureFixture[str]):
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == (ROOT / "docs/reference/policy.schema.json").read_text()


def test_schema_writes_a_file(tmp_path: Path):
    assert main(["schema", "--markdown", "-o", str(tmp_path / "page.md")]) == 0
    assert (tmp_path / "page.md").read_text() == (ROOT / "docs/reference/policy.md").read_text()


@pytest.mark.parametrize("arguments", [["schemma"], ["lint", "--no-such"], ["schema", "extra"]])
def test_a_wrong_command_line(arguments: list[str], capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 2
    assert "Error" in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert "lint" in out
    assert "schema" in out


@pytest.fixture
def commands():
    """Commands of this test's own beside the real ones."""
    before = list(app.registered_commands)
    yield app
    app.registered_commands[:] = before


def test_an_error_of_tidegate_is_words_and_a_code(commands: typer.Typer, capsys: pytest.CaptureFixture[str]):
    @commands.command("explode")
    def explode(as_json: bool = typer.Option(False, "--json")) -> None:
        raise OutcomeUnknown("no answer from the router", next_step="tidegate status shop")

    assert main(["explode"]) == 6
    shown = capsys.readouterr()
    assert shown.err == (
        "error: no answer from the router\n"
        "changed: something may have changed: look before you go on\n"
        "next: tidegate status shop\n"
    )
    assert main(["explode", "--json"]) == 6
    assert json.loads(capsys.readouterr().out)["changed"] == "unknown"


def test_ctrl_c(commands: typer.Typer):
    @commands.command("wait")
    def wait() -> None:
        raise KeyboardInterrupt

    assert main(["wait"]) == 130


def test_a_mistake_of_ours_is_not_hidden(commands: typer.Typer):
    @commands.command("bug")
    def bug() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError):
        main(["bug"])
