"""``python -m lab.story demo`` and ``python -m lab.story e2e [--only name]``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lab.airflow_api import await_value
from lab.beside import the_lab
from lab.estate import Lab
from lab.places import REPOSITORY
from lab.progress import Progress, on_stdout
from lab.story import report
from lab.story.director import Director
from lab.story.scenario import Scenario
from lab.story.scenarios import chosen
from lab.story.stage import USERS, Stage
from lab.story.variants import acts, dags_for
from tidegate.errors import TidegateError
from tidegate.journal.store import Journal

LOAD_WITHIN = 60.0  # seconds until all users are there


def main() -> int:
    """0: every scenario ended as it should. 1: one did not. 2: it could not be run. 130: interrupted."""
    parser = argparse.ArgumentParser(prog="lab.story", description=__doc__)
    parser.add_argument("what", choices=["demo", "e2e"])
    parser.add_argument("--only", help="one scenario, with what it needs before it")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        scenarios = chosen(arguments.only, story=arguments.what == "demo")
    except KeyError as error:
        print(error.args[0], file=sys.stderr)
        return 2
    try:
        return _play(scenarios, REPOSITORY / "build" / arguments.what)
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been stopped", file=sys.stderr)
        return 130
    except TidegateError as error:
        print(error, file=sys.stderr)
        return 2


def _play(scenarios: tuple[Scenario, ...], out: Path) -> int:
    began, progress = time.monotonic(), on_stdout()
    rows: list[dict[str, Any]] = []
    for variant, act in acts(scenarios):
        lab = the_lab(progress, dags_for(variant, out))
        if not lab.up():
            return _on_a_lab_in_use()
        rows += _act(lab, act, out, progress)
    report.write(out, rows, time.monotonic() - began)
    print(report.table(rows))
    print(f"\nreport: {out / 'report.html'} and report.json, {time.monotonic() - began:.0f} s in all")
    return 0 if rows and all(row["ok"] for row in rows) else 1


def _act(lab: Lab, scenarios: tuple[Scenario, ...], out: Path, progress: Progress) -> Iterator[dict[str, Any]]:
    """One row per scenario, told as they end. However it ends, the users are gone and the lab is down."""
    stage: Stage | None = None
    try:
        stage = set_the_stage(lab, out, progress)
        director = Director(stage, progress)
        for scenario in scenarios:
            row = director.play(scenario)
            progress.say(f"  {'ok' if row['ok'] else 'NOT OK'}: {row['why']}")
            _review(stage, row, out / "reviews")
            yield row
        stage.tidegate("runbook", "shop", "--out", str(out / "runbooks"))
    finally:
        if stage is not None:
            stage.stop_load()
        lab.down()


def _review(stage: Stage, row: dict[str, Any], out: Path) -> None:
    """As somebody would who looks back."""
    if row.get("operation"):
        out.mkdir(parents=True, exist_ok=True)
        stage.tidegate("report", "shop", row["operation"], "--out", str(out / f"{row['name']}.html"))


def _on_a_lab_in_use() -> int:
    print("a lab is up already: `make down` first, so that the story starts from a known state", file=sys.stderr)
    return 2


def set_the_stage(lab: Lab, out: Path, progress: Progress) -> Stage:
    """The baseline adopted, the users there."""
    stage = Stage(lab, Journal(lab.env()["TIDEGATE_JOURNAL"]), out / "load")
    _adopt(stage)
    progress.say("pat asks for 1.0.0 to be adopted as the first baseline, ann approves")
    stage.start_load()
    await_value(lambda: stage.load_is_up(time.time()) or None, LOAD_WITHIN, "the users are not all there")
    progress.say(f"{USERS} users are shopping")
    return stage


def _adopt(stage: Stage) -> None:
    """As two people would: by the command line."""
    why = "the shop has run on it for a year"
    asked = stage.tidegate("adopt", "shop", "1.0.0", "--by", "pat", "--reason", why, "--json")
    request = json.loads(asked)
    if request is not None:
        stage.tidegate("approve", "shop", request["operation"], "--by", "ann")


if __name__ == "__main__":
    sys.exit(main())
