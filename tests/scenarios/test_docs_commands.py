"""Commands in the documentation: each parses, and what can run on an estate in memory is run, in the page's order."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from tests.support.estate import ROOT, Rig, build, quick_policy
from tests.support.operations import open_promotion, promote
from tidegate.cli import app, main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.execute import run_step
from tidegate.engine.gates import look_at_gate
from tidegate.journal.headstore import DirectoryStore
from tidegate.journal.privileges import Separation
from tidegate.journal.signing import SigningKey
from tidegate.journal.witness import Witness, publish
from tidegate.model.verdict import Verdict
from tidegate.plan.model import Step
from tidegate.plan.promotion import promotion_plan
from tidegate.policy.load import load_policy

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs" / "how-to").glob("*.md"))]
# Run by something else, which is named: they need Airflow, or a person at a terminal.
ELSEWHERE = {
    "promote": "make demo",
    "rollback": "make e2e",
    "contract": "make e2e",
    "guard": "tests/unit/cli/test_guard_command.py",
    "adopt": "tests/scenarios/test_adoption.py",
    "approve": "tests/scenarios/test_adoption.py",
    "doctor": "tests/unit/doctor",
    "init": "tests/unit/cli/test_init.py",
    "migrations": "tests/contracts/test_migrations_proof.py",
    "veto": "tests/unit/cli/test_brakes_commands.py",
    "pin": "tests/unit/cli/test_brakes_commands.py",
    "unpin": "tests/unit/cli/test_brakes_commands.py",
    "stop-line": "tests/unit/cli/test_brakes_commands.py",
    "start-line": "tests/unit/cli/test_brakes_commands.py",
    "brakes": "tests/unit/cli/test_brakes_commands.py",
    "readiness": "tests/unit/cli/test_brakes_commands.py",
    "detour": "tests/scenarios/test_detours.py",
    "report": "tests/scenarios/test_review.py",
    "stop-writes": "tests/scenarios/test_reads_only.py",
    "start-writes": "tests/scenarios/test_reads_only.py",
    "switchover": "tests/unit/cli/test_moving_commands.py",
    "failover": "tests/unit/cli/test_moving_commands.py",
    "reprotect": "tests/unit/cli/test_moving_commands.py",
    "objectives": "tests/unit/cli/test_moving_commands.py",
    "drill": "tests/unit/cli/test_drilling.py",
    "drills": "tests/unit/cli/test_drilling.py",
    "parity": "tests/scenarios/test_parity.py",
    "ledger": "tests/unit/cli/test_ledger_commands.py",
    "backup": "tests/unit/cli/test_backups_commands.py",
    "backups": "tests/unit/cli/test_backups_commands.py",
    "restore": "tests/unit/cli/test_backups_commands.py",
    "keep-backups": "tests/contracts/test_backups.py",
    "dependencies": "tests/unit/cli/test_dependencies_command.py",
    "preview": "tests/scenarios/test_preview_arm.py",
    "run": "tests/scenarios/test_break_glass.py",
    "runbook": "tests/scenarios/test_runbooks.py",
    "bundle": "tests/scenarios/test_bundle.py",
    "journal": "tests/scenarios/test_local_journal.py",
    "group": "tests/unit/cli/test_group_commands.py",
    "lab": "tests/e2e/test_lab_estate.py",
}
_STARTS = ("tidegate ", "make ")


def commands(page: Path) -> list[list[str]]:
    """Each command of the page as its words, in order: the lines of its fenced and indented blocks. A remark after two
    blanks is none of them."""
    found, fenced = [], False
    for line in re.sub(r" *\\\n *", " ", page.read_text()).split("\n"):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        text = line.strip().removeprefix("$ ").removeprefix(".venv/bin/")
        if (fenced or line.startswith("    ")) and text.startswith(_STARTS):
            found.append(shlex.split(re.split(r"\s{2,}|\s#", text)[0]))
    return found


def _all() -> Iterator[Any]:
    for page in PAGES:
        for words in commands(page):
            yield pytest.param(words, id=f"{page.stem}: {' '.join(words)}"[:100])


@pytest.mark.parametrize("words", _all())
def test_it_is_a_command_that_exists_with_options_that_it_takes(words: list[str]) -> None:
    if words[0] == "make":
        targets = re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        assert words[1] in targets, f"make has no target {words[1]}: {targets}"
        return
    command: Any = typer.main.get_command(app)
    rest, context = words[1:], None
    while hasattr(command, "commands"):
        assert rest, f"{words} stops at a group"
        assert rest[0] in command.commands, f"there is no command {rest[0]!r} in {sorted(command.commands)}"
        command, rest = command.commands[rest[0]], rest[1:]
    if "--help" not in rest:
        context = command.make_context(words[0], list(rest))  # raises what a person would see
        assert context is not None


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """The shop with the roles of its real policy; commands that act on an estate are handed this one."""
    shop = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy
    made = build(tmp_path, quick_policy().model_copy(update={"roles": shop.roles}))
    for module in ("operations", "control", "flags"):
        monkeypatch.setattr(f"tidegate.cli.{module}.find_world", lambda service: made.world)
    monkeypatch.setattr("tidegate.cli.control.find_paper", lambda service: made.world)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    monkeypatch.setenv("TIDEGATE_JOURNAL", f"sqlite:///{tmp_path / 'journal.sqlite'}")
    monkeypatch.setenv("TIDEGATE_HEADS", str(tmp_path / "heads"))
    return made


def _promoted(rig: Rig) -> str:
    return promote(rig, "1.1.0").id


def _under_way(rig: Rig) -> str:
    """The candidate takes its first share of the traffic."""
    operation = open_promotion(rig, "1.1.0").id
    for _, node in promotion_plan(rig.world.policy, rig.world.policy_digest).nodes():
        if isinstance(node, Step):
            run_step(rig.world, operation, node.id, actor="test")
        else:
            while look_at_gate(rig.world, operation, node.id, actor="test").evidence.verdict is not Verdict.PASS:
                rig.clock.sleep(0.25)
        if getattr(node, "verb", "") == "shift_traffic":
            return operation
    raise AssertionError("the plan shifts no traffic")


def _signed(rig: Rig, directory: Path) -> None:
    store, key = DirectoryStore(directory), SigningKey.generate()
    store.claim()
    publish(store, key, Separation("nobody", False, "a test"))
    Witness(rig.world.journal, store, key).look(final=True)


def _something_to_build(rig: Rig) -> str:
    (rig.world.estate.site.root / "dist").mkdir()
    (rig.world.estate.site.root / "dist" / "app.py").write_text("print('shop')\n")
    return ""


# What a page's commands find, when they are run one after the other.
BEFORE: dict[str, Callable[[Rig], str]] = {
    "README": _under_way,
    "abort": _under_way,
    "add-a-service": _promoted,
    "audit": _promoted,
    "break-glass": _under_way,
    "flags": _promoted,
    "observe": _promoted,
    "change-the-schema": _something_to_build,
    "promote-from-ci": _something_to_build,
    "tutorial": _under_way,
    "upgrade": _under_way,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_commands_do_what_the_page_says(
    page: Path, rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path if BEFORE.get(page.stem) is _something_to_build else ROOT)
    here = [words[1:] for words in commands(page) if words[0] == "tidegate" and words[1] not in ELSEWHERE]
    operation = BEFORE[page.stem](rig) if here else ""
    _signed(rig, tmp_path / "heads")
    for words in here:
        given = [operation if w == "OPERATION" else w for w in words]
        given = [str(tmp_path / w) if w.endswith((".zip", ".jsonl", "-dashboard.json")) else w for w in given]
        assert main(given) == ExitCode.OK, f"{' '.join(words)}: {capsys.readouterr().err}"


def test_what_is_run_elsewhere_is_there() -> None:
    named = [where for where in ELSEWHERE.values() if where.startswith("tests/")]
    assert [where for where in named if not (ROOT / where).exists()] == []
