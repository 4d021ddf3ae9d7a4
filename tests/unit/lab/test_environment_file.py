"""What a person's shell is told of the lab: where Airflow is, and no password for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.__main__ import _welcome
from lab.estate import Lab
from lab.places import Places
from lab.state import State


@pytest.mark.parametrize("airflow", [True, False])
def test_the_file_says_where_airflow_is(airflow: bool, tmp_path: Path) -> None:
    lab = Lab(Places(tmp_path))
    site = lab._lay_out(airflow)
    names = [line.partition("=")[0] for line in lab.places.env.read_text().splitlines()]
    assert (f"TIDEGATE_AIRFLOW_URL={site.address}" in lab.places.env.read_text().splitlines()) is airflow
    assert "PATH" not in names
    assert not {"TIDEGATE_AIRFLOW_USER", "TIDEGATE_AIRFLOW_PASSWORD", "TIDEGATE_AIRFLOW_TOKEN"} & set(names)
    people = json.dumps(site.secrets.people())
    assert not [word for word in json.loads(people).values() if word in lab.places.env.read_text()]


def test_the_welcome_tells_how_a_shell_gets_there(tmp_path: Path) -> None:
    lab = Lab(Places(tmp_path))
    lab._lay_out(True)
    State(lab.places.state, airflow=True).set_phase("up")
    assert f"  . .venv/bin/activate; set -a; . {lab.places.env}; set +a\n" in _welcome(lab)
