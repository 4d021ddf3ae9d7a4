"""The story's desk: a release goes the whole way by the command line, and an exit code that is not meant is told."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab import releases
from lab.airflow_api import AirflowApi
from lab.places import Places
from lab.progress import Progress
from lab.story.desk import Desk
from lab.story.scenarios import SCENARIOS
from lab.story.verdict import _exit_codes
from tests.support.releases import site
from tidegate.drivers.artifacts import directory

GOOD = next(s for s in SCENARIOS if s.name == "good-release")


@dataclass
class Shelf:
    """As much of a lab as publishing needs."""

    places: Places

    def env(self) -> dict[str, str]:
        return {"TIDEGATE_HOME": str(self.places.home)}

    def airflow(self, user: str) -> AirflowApi:
        return AirflowApi("http://127.0.0.1:9", user, "secret")


def test_the_release_is_published_anew_with_the_same_bytes(tmp_path: Path) -> None:
    places, said = Places(tmp_path / "home"), io.StringIO()
    releases.build(places.releases, places.lab / "builders")
    before = {path.name: path.read_bytes() for path in (places.releases / "1.1.0").iterdir()}
    progress = Progress(said)
    lab: Any = Shelf(places)
    Desk(lab, tmp_path / "out", progress, "cat").publish("1.1.0")
    assert "shop: 1.1.0 is published" in said.getvalue()
    after = {path.name: path.read_bytes() for path in (places.releases / "1.1.0").iterdir()}
    assert after == before, "what the command line builds and signs is what the lab's own build did"
    driver = directory.connect(directory.Settings(path="lab/releases", threshold=2), site(places.home))
    assert driver.verify("1.1.0").sequence == 101


@pytest.mark.parametrize(
    ("codes", "complaint"),
    [
        ({"first": 0, "again": (0, "op")}, ""),
        ({"first": 10, "again": (0, "op")}, "exit code: expected 0, got 10"),
        ({"first": 0, "again": (0, "another")}, "the same request again: expected 0 and op"),
        ({"first": 0, "again": (14, "op")}, "the same request again: expected 0 and op"),
    ],
)
def test_an_exit_code_or_an_operation_that_is_not_meant_is_told(codes: dict[str, Any], complaint: str) -> None:
    told = "; ".join(_exit_codes(GOOD, {"exit_codes": codes, "operation": "op"}))
    assert complaint in told
    assert bool(told) == bool(complaint)


BY_OUTCOME = {"refused": 4, "rolled_back": 10}  # what a command that waits exits with; 0 for whatever ends as asked
OTHERWISE = {
    "rollback-by-person": 0,  # was asked for
    "leaking-release": 0,  # the promotion had ended well before
    "airflow-lost": None,  # whoever followed may have lost sight
    "worker-frozen": None,
    "unproved-release": 15,  # a person is needed in between
}


def test_the_scenarios_say_what_the_command_exits_with() -> None:
    wanted = {s.name: OTHERWISE.get(s.name, BY_OUTCOME.get(s.expect.outcome, 0)) for s in SCENARIOS}
    assert {s.name: s.expect.exit_code for s in SCENARIOS} == wanted
    assert GOOD.publishes
