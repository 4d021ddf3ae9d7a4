"""The lab's ``pg_dump`` runs from the lab's directory alone: workers in other containers have no wheel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from lab.databases import offer_pg_dump
from lab.places import Places


def test_it_runs_without_the_wheel(tmp_path: Path) -> None:
    places = Places(tmp_path / "here")
    offer_pg_dump(places)
    offer_pg_dump(places)
    elsewhere = places.lab.rename(tmp_path / "elsewhere")
    maps = {"PATH": os.defpath, "LD_TRACE_LOADED_OBJECTS": "1"}
    program = elsewhere / "bin" / "pg_dump"
    said = subprocess.run([program, "--version"], env={"PATH": os.defpath}, capture_output=True, text=True, check=True)
    assert said.stdout.startswith("pg_dump (PostgreSQL) ")
    loaded = subprocess.run(
        [elsewhere / "lib" / "pg_dump"],
        env=maps | {"LD_LIBRARY_PATH": str(elsewhere / "lib")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "site-packages" not in loaded.stdout
    assert str(elsewhere / "lib") in loaded.stdout
