"""The lab as a container beside an Airflow that is somebody else's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab import secret_values
from lab.airflow import AirflowSite
from lab.beside import LabBeside, the_lab
from lab.estate import Lab
from lab.places import Places
from lab.ports import Ports, names
from lab.progress import Progress
from tidegate.errors import Refused


@pytest.fixture
def site(tmp_path: Path) -> AirflowSite:
    found = AirflowSite(Places(tmp_path), Ports({n: i for i, n in enumerate(names(), 20000)}), secret_values.generate())
    found.ports.save(found.places.ports)
    found.secrets.save(found.places.secrets)
    return found


def test_the_lab_beside_an_airflow_uses_that_one_and_its_journal(
    site: AirflowSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, people = tmp_path / "url", tmp_path / "people"
    url.write_text("postgresql+psycopg://w:p@journal-db/journal")
    people.write_text(json.dumps({"ann": "ann's"}))
    monkeypatch.setenv("TIDEGATE_AIRFLOW_URL", "http://api-server:8080")
    monkeypatch.setenv("TIDEGATE_PEOPLE_FILE", str(people))
    monkeypatch.setenv("TIDEGATE_JOURNAL_FILE", str(url))
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path))
    lab = the_lab(Progress())
    assert isinstance(lab, LabBeside)
    env = lab.env()
    assert env["TIDEGATE_JOURNAL"] == url.read_text()
    assert not [name for name in env if name.startswith("AIRFLOW__")]
    with lab.airflow("ann") as api:
        assert (api.address, api.password) == ("http://api-server:8080", "ann's")
    with pytest.raises(Refused, match="has not finished its start"):
        lab.up()


def test_without_such_an_airflow_the_lab_brings_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIDEGATE_AIRFLOW_URL", "http://airflow.example.com")  # the command line's: not meant here
    assert type(the_lab(Progress())) is Lab


@pytest.mark.parametrize(("given", "address"), [("", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")])
def test_all_of_the_lab_listens_where_it_is_told(given: str, address: str, tmp_path: Path) -> None:
    program = (
        "from lab import edge, ports, postgres, regions, connections\n"
        "from pathlib import Path\n"
        "print(ports.ADDRESS, edge.Edge(1, 2, {}, Path(), Path()).host, regions.Region('e', Path(), 1, 'u', 'p').host,"
        " postgres._SETTINGS['listen_addresses'])\n"
        "from lab.supervision import minimal_environment\n"
        f"assert minimal_environment().get('TIDEGATE_LAB_ADDRESS', '') == {given!r}  # the links are a child's child\n"
    )
    env = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(Path(__file__).parents[3] / "include"),
        "TIDEGATE_LAB_ADDRESS": given,
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True, timeout=60
    )
    assert set(done.stdout.split()) == {address}
