"""Experiments of the Chaos Toolkit, run by a real installation of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tidegate.drivers.credentials import Credential
from tidegate.drivers.faults.chaostoolkit import ChaosToolkit, Settings, connect
from tidegate.drivers.faults.contract import Told
from tidegate.drivers.site import Site

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-chaos" / "bin" / "chaos"
PUBLISHED = ROOT / "tests" / "published" / "chaostoolkit-1.16.0"


def program() -> str:
    """Missing is a failure: nothing stands in for it."""
    assert PROGRAM.exists(), f"{PROGRAM} is not there: make setup"
    return str(PROGRAM)


def shell(name: str, words: str, **more: Any) -> dict[str, Any]:
    """An action that is a line of shell."""
    provider = {"type": "process", "path": "sh", "arguments": ["-c", words]}
    return {"type": "action", "name": name, "provider": provider, **more}


def write_experiment(root: Path, name: str, *, lasts: int = 0, **parts: Any) -> Path:
    """One that adds a line to a file, and whose rollback takes the file away. ``lasts``: seconds that it stays."""
    method = [shell("break", f"echo broken >> broken-{name}")]
    method += [shell("stay", f"exec sleep {lasts}")] if lasts else []
    whole = {
        "title": name,
        "description": "a test's own",
        "method": method,
        "rollbacks": [shell("mend", f"rm -f broken-{name}")],
        **parts,
    }
    file = root / f"{name}.json"
    file.write_text(json.dumps(whole))
    return file


def lines(root: Path, name: str) -> list[str]:
    """How often it was done, and is not taken back."""
    file = root / f"broken-{name}"
    return file.read_text().splitlines() if file.exists() else []


def toolkit(
    root: Path, *names: str, resolve: Callable[[str], Credential] | None = None, **settings: Any
) -> ChaosToolkit:
    experiments = {name: {"file": f"{name}.json"} for name in names} | settings.pop("experiments", {})
    site = Site("shop", {"east": 5000, "west": 5000}, (), root, *([resolve] if resolve else []))
    return connect(Settings(**{"program": program(), "experiments": experiments, **settings}), site)


def published(root: Path) -> Path:
    """A copy of what the package ships, below ``root``, and the files that its experiments look at."""
    shutil.copytree(PUBLISHED, root / "published")
    for name in ("tests/conftest.py", "tests/fixtures/dummy.txt"):
        (root / "published" / name).write_text("")
    return root / "published"


def settled(driver: ChaosToolkit, which: str) -> bool:
    told: Told = driver.told(which)
    return told.over or bool(told.wrong)
