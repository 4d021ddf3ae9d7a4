"""``dags/policy_errors.py`` raises all messages, so that Airflow shows them, and nothing if all is well."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

import pytest

from tests.support.policies import ROOT, SMALL, changed
from tidegate.errors import PolicyErrors
from tidegate.policy.announce import raise_errors

FILE = ROOT / "dags" / "policy_errors.py"


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory of DAG files with this one in it, and a home of its own."""
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    (tmp_path / "dags" / "policies").mkdir(parents=True)
    shutil.copy(FILE, tmp_path / "dags")
    return tmp_path / "dags"


def test_silent_if_all_is_well(dags: Path):
    (dags / "policies" / "pay.yaml").write_text(SMALL)
    runpy.run_path(str(dags / FILE.name))


def test_raises_every_message_of_every_file(dags: Path):
    (dags / "policies" / "pay.yaml").write_text(changed(("alpha: 1%", "alpha: 99%"), ("before: 50%", "before: 51%")))
    (dags / "policies" / "shop.yaml").write_text("service: shop\nx: &a 1\n")
    with pytest.raises(PolicyErrors) as caught:
        runpy.run_path(str(dags / FILE.name))
    shown = str(caught.value)
    for expected in ("pay.yaml:22:10: alpha is above", "51% is not one of", "shop.yaml:2:4: an anchor (&a)"):
        assert expected in shown, shown


def test_holds_no_dag_and_writes_nothing(dags: Path, tmp_path: Path):
    (dags / "policies" / "pay.yaml").write_text(SMALL)
    found = runpy.run_path(str(dags / FILE.name))
    assert not [v for v in found.values() if type(v).__name__ == "DAG"]
    assert not (tmp_path / "home").exists()


def test_airflow_does_not_skip_it():
    content = FILE.read_bytes().lower()  # as Airflow's heuristic reads it
    assert b"dag" in content
    assert b"airflow" in content


def test_a_stale_policy_is_announced(tmp_path: Path):
    policies, snapshots = tmp_path / "policies", tmp_path / "snapshots"
    policies.mkdir()
    with pytest.raises(PolicyErrors, match=r"cannot be read"):
        raise_errors(policies / "none", snapshots)
    raise_errors(policies, snapshots)
