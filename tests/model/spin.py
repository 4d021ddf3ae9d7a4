"""``make model``: Spin on the same file as ``make test``, with more mishaps, and each guard taken out.

Needs Debian's packages ``spin`` and ``gcc``. SPIN names another spin than the one on the path.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.model.guards import GUARDS, MODEL, MORE_THEFTS

_SAFETY, _CYCLES = ("-DSAFETY",), ("-DNP", "-DNOFAIR")
_BREADTH_FIRST = ("-DBFS",)  # the shortest way to an error, where there is one


def main() -> int:
    spin = os.environ.get("SPIN") or shutil.which("spin")
    if not spin or not shutil.which("gcc"):
        print("make model: spin or gcc is not installed, so Spin checked nothing", file=sys.stderr)
        print(
            "  what to do: apt-get install spin gcc. The same model is checked by make test without them",
            file=sys.stderr,
        )
        return 2
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="tidegate-spin-") as scratch:
        work = Path(scratch)
        wrong += _report("every guard", _check(spin, work, MORE_THEFTS.mishaps, ()), broken=False)
        for taken in GUARDS:
            wrong += _report(f"without {taken.guard}", _check(spin, work, taken.switches, _BREADTH_FIRST), broken=True)
    return 1 if wrong else 0


def _report(what: str, found: tuple[str, int, float], *, broken: bool) -> bool:
    error, states, seconds = found
    good = bool(error) is broken
    print(f"{'ok ' if good else 'BAD'} {what}: {error or 'holds'}; {states} states in {seconds:.1f} s", flush=True)
    return not good


def _check(spin: str, work: Path, switches: Mapping[str, int], how: tuple[str, ...]) -> tuple[str, int, float]:
    """What Spin found, empty if nothing; states stored, seconds. Safety first, then cycles."""
    text = MODEL.read_text()
    for name, value in switches.items():
        text, count = re.subn(rf"^#define {name} \d+", f"#define {name} {value}", text, flags=re.MULTILINE)
        assert count == 1, name
    (work / "model.pml").write_text(text)
    subprocess.run([spin, "-a", "model.pml"], cwd=work, check=True, stdout=subprocess.DEVNULL)
    began, states = time.monotonic(), 0
    for mode, options in (((*_SAFETY, *how), ()), (_CYCLES, ("-l",))):
        build = ["gcc", "-O1", "-w", "-DCOLLAPSE", "-DMEMLIM=4000", *mode, "-o", "pan", "pan.c"]
        subprocess.run(build, cwd=work, check=True)
        said = subprocess.run(
            ["./pan", "-m10000", *options], cwd=work, check=True, capture_output=True, text=True
        ).stdout
        states = states or int(float(re.search(r"([\d.e+]+) states, stored", said).group(1)))
        if not re.search(r"errors: 0\b", said):
            return _first(said), states, time.monotonic() - began
        if "max search depth too small" in said or "out of memory" in said:
            raise SystemExit(f"make model: Spin did not see every state:\n{said[:2000]}")
    return "", states, time.monotonic() - began


def _first(said: str) -> str:
    found = re.search(r"^pan:1: (.*?)(?: \(at depth \d+\))?$", said, re.MULTILINE)
    return found.group(1) if found else said[:200]


if __name__ == "__main__":
    sys.exit(main())
