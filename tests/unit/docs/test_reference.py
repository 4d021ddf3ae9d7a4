"""The reference pages say what the code says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from tidegate.journal.meanings import MEANINGS
from tidegate.journal.model import EventKind

ROOT = Path(__file__).parents[3]


def _reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "scripts" / "reference.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


REFERENCE = _reference()


@pytest.mark.parametrize("name", sorted(REFERENCE.PAGES))
def test_the_page_is_what_the_code_says(name: str) -> None:
    kept = (ROOT / "docs" / "reference" / name).read_text()
    assert kept == REFERENCE.PAGES[name](), "run: make docs"


def test_every_kind_of_event_has_a_meaning() -> None:
    assert set(MEANINGS) == set(EventKind)


def test_every_command_is_on_the_page() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text()
    for command in ("lint", "plan", "status", "audit verify"):
        assert f"## `tidegate {command}`" in page, command
