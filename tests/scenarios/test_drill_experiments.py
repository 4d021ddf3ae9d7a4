"""Somebody's own experiments as a scenario of a drill: a real `chaos`, on a memory estate."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

import pytest

from tests.support.drills import Stage, stage
from tests.support.experiments import lines, toolkit, write_experiment
from tidegate.drill import experiments
from tidegate.drill.session import hold
from tidegate.drivers.faults.chaostoolkit import ChaosToolkit
from tidegate.drivers.faults.contract import Told
from tidegate.journal.model import EventKind
from tidegate.model.drill import DrillResult, Phase, Scenario

HYPOTHESIS = {
    "title": "nothing is broken",
    "probes": [
        {
            "type": "probe",
            "name": "nothing-is-broken",
            "tolerance": False,
            "provider": {"type": "python", "module": "os.path", "func": "exists", "arguments": {"path": "broken-two"}},
        }
    ],
}


def staged(tmp_path: Path, *names: str, known: tuple[str, ...] = (), within: str = "4h") -> Stage:
    """The estate's clock is a test's own, and the experiment's is everybody's: a turn of the drill is a moment."""
    found = stage(tmp_path, {"experiment": {"experiments": list(names), "within": within}})
    driver = toolkit(tmp_path, *(known or names))
    world = dataclasses.replace(found.cast.world, estate=dataclasses.replace(found.cast.world.estate, faults=driver))
    found.cast = dataclasses.replace(found.cast, world=world)
    found.beside_the_drill(lambda: time.sleep(0.002))
    return found


def driver_of(found: Stage) -> ChaosToolkit:
    driver = found.cast.world.estate.faults
    assert isinstance(driver, ChaosToolkit)
    return driver


def held(found: Stage) -> DrillResult:
    (result,) = hold(found.cast, [Scenario.EXPERIMENT]).results
    return result


def test_experiments_run_one_after_the_other_and_their_journals_are_kept(tmp_path: Path) -> None:
    write_experiment(tmp_path, "one")
    write_experiment(tmp_path, "two")
    found = staged(tmp_path, "one", "two")
    result = held(found)
    assert result.ok, "\n".join(found.said)
    assert (lines(tmp_path, "one"), lines(tmp_path, "two")) == ([], [])
    phases = {row["phase"]: row for row in found.rows(EventKind.DRILL_PHASE)}
    assert list(phases) == [phase.value for phase in Phase]
    assert phases[Phase.FAULT.value]["why"] == "experiments: one, two"
    first, second = phases[Phase.ANSWER.value]["facts"]["experiments"]
    assert (first["name"], second["name"]) == ("one", "two")
    assert first["journal"]["status"] == "completed"
    assert json.loads((tmp_path / first["kept"]).read_text()) == first["journal"]
    assert first["digest"].startswith("sha256:")
    assert first["journal"]["end"] <= second["journal"]["start"]


def test_an_experiment_that_does_not_hold_fails_the_drill(tmp_path: Path) -> None:
    write_experiment(tmp_path, "two", **{"steady-state-hypothesis": HYPOTHESIS})
    found = staged(tmp_path, "two")
    result = held(found)
    assert "answer: two: its steady state has deviated: nothing-is-broken" in result.wrong, result.wrong
    assert lines(tmp_path, "two") == []
    assert driver_of(found).active() == ()


def test_one_that_does_not_end_is_ended_and_taken_back(tmp_path: Path) -> None:
    write_experiment(tmp_path, "one", lasts=600)
    result = held(staged(tmp_path, "one", within="60s"))
    assert any("the experiment one has not ended within 60 s" in one for one in result.wrong), result.wrong
    assert lines(tmp_path, "one") == []


def test_whoever_is_interrupted_leaves_nothing_of_it(tmp_path: Path) -> None:
    write_experiment(tmp_path, "one", lasts=600)
    found = staged(tmp_path, "one")

    interrupted: list[bool] = []

    def interrupt() -> None:
        time.sleep(0.002)
        if lines(tmp_path, "one") and not interrupted:
            interrupted.append(True)
            raise KeyboardInterrupt

    found.beside_the_drill(interrupt)
    with pytest.raises(KeyboardInterrupt):
        hold(found.cast, [Scenario.EXPERIMENT])
    assert lines(tmp_path, "one") == []
    assert driver_of(found).active() == ()


def test_one_that_is_not_known_is_said_before_anything_is_touched(tmp_path: Path) -> None:
    write_experiment(tmp_path, "checkout")
    found = staged(tmp_path, "chekout", known=("checkout",))
    result = held(found)
    assert any("did you mean 'checkout'?" in one for one in result.wrong), result.wrong
    assert [row["phase"] for row in found.rows(EventKind.DRILL_PHASE)] == [Phase.READY.value]


def test_a_driver_without_experiments_is_told_so(tmp_path: Path) -> None:
    found = stage(tmp_path, {"experiment": {"experiments": ["one"]}})
    result = held(found)
    assert any("runs no experiments" in one for one in result.wrong), result.wrong


def test_a_journal_that_is_too_long_for_a_row_is_kept_as_a_file() -> None:
    told = Told("x", True, kept="var/experiments/one/journal.json", journal={"run": "y" * experiments.MOST_KEPT})
    assert experiments.kept(told)["journal"] == {"too long for a row": "see var/experiments/one/journal.json"}
