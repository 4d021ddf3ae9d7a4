"""The ready-made CI files: valid by their systems' own schemas, and every command in them is one that we take."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from tests.support.estate import ROOT
from tidegate.cli import app

EXAMPLES = ROOT / "docs" / "examples" / "ci"
SCHEMAS = {"github-actions.yml": "vendor.github-workflows", "gitlab-ci.yml": "vendor.gitlab-ci"}
SUBCOMMANDS = ["release build", "release sign", "release sign", "release verify", "release publish", "promote"]


def check(path: Path, schema: str) -> subprocess.CompletedProcess[str]:
    """By the schemas that the linter carries with it: no network is needed."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    transform = ["--data-transform", "gitlab-ci"] if "gitlab" in schema else []
    return subprocess.run([*command, *transform, str(path)], capture_output=True, text=True, timeout=120)


def scripts(name: str) -> list[str]:
    """Every piece of shell in the example, in the order in which it runs."""
    value = yaml.safe_load((EXAMPLES / name).read_text())
    if name == "gitlab-ci.yml":
        jobs = [value["default"], value["build"], value["release"]]
        return [line for job in jobs for key in ("before_script", "script") for line in job.get(key, [])]
    return [step["run"] for job in value["jobs"].values() for step in job["steps"] if "run" in step]


def commands(name: str) -> Iterator[list[str]]:
    """Every tidegate command, with a plausible value for each of the shell's variables."""
    for script in scripts(name):
        for line in script.replace("\\\n", " ").splitlines():
            text = re.sub(r"\$\{?\w+(#v)?\}?", "1", line)
            words = shlex.split(text, comments=True)
            if words[:1] == ["tidegate"]:
                yield words[1:]


def parsed(words: list[str]) -> str:
    """The command's name. Raises click's usage error for anything that the command line would not take."""
    command: Any = typer.main.get_command(app)
    context = command.make_context("tidegate", list(words))
    names = []
    while hasattr(command, "resolve_command"):
        rest = [*getattr(context, "_protected_args", []), *context.args]
        name, command, rest = command.resolve_command(context, rest)
        names.append(name)
        context = command.make_context(name, rest, parent=context)
    return " ".join(names)


@pytest.mark.parametrize("name", SCHEMAS)
def test_it_is_valid(name: str) -> None:
    done = check(EXAMPLES / name, SCHEMAS[name])
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_linter_sees_a_mistake(name: str, tmp_path: Path) -> None:
    wrong = {
        "github-actions.yml": ("runs-on: ubuntu", "runs_on: ubuntu"),
        "gitlab-ci.yml": ("stage: build", "stage: {}"),
    }
    text = (EXAMPLES / name).read_text()
    (tmp_path / name).write_text(text.replace(*wrong[name], 1))
    assert check(tmp_path / name, SCHEMAS[name]).returncode != 0


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_command_is_one_that_the_command_line_takes(name: str) -> None:
    assert [parsed(words) for words in commands(name)] == SUBCOMMANDS


def test_a_command_that_it_does_not_take_is_seen() -> None:
    with pytest.raises(Exception, match="--request"):
        parsed(["promote", "shop", "1.1.0", "--reason", "x", "--request", "1"])


@pytest.mark.parametrize("name", SCHEMAS)
def test_its_shell_is_shell(name: str) -> None:
    for script in scripts(name):
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{script}\n{done.stderr}"


@pytest.mark.parametrize("name", SCHEMAS)
def test_no_secret_is_on_a_command_line_and_what_a_name_holds_is_never_pasted_into_shell(name: str) -> None:
    for script in scripts(name):
        assert "${{" not in script, "GitHub pastes it into the script: a tag's name could be a command"
        assert not re.search(r"\$\{?(BUILDER|RELEASER|SIGNING|TIDEGATE_AIRFLOW_(PASSWORD|TOKEN))", script)
