"""The secrets of the first start."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

SCRIPT = Path(__file__).resolve().parents[3] / "deploy/containers/make_secrets.py"


def loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_secrets", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def contents(root: Path) -> dict[str, str]:
    return {str(path.relative_to(root)): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_all_are_made_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    assert loaded().main(tmp_path, {"TIDEGATE_PEOPLE": "ann:op,vic:viewer"}) == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}
    assert {path.stat().st_mode & 0o077 for path in files[0].parents if tmp_path in path.parents} == {0}
    assert set(json.loads((tmp_path / "airflow/people.json").read_text())) == {"ann", "vic"}


def test_a_second_start_keeps_them_and_gives_new_people_a_password(tmp_path: Path) -> None:
    module = loaded()
    module.main(tmp_path, {"TIDEGATE_PEOPLE": "ann:op"})
    before = contents(tmp_path)
    module.main(tmp_path, {"TIDEGATE_PEOPLE": "ann:op"})
    assert contents(tmp_path) == before
    module.main(tmp_path, {"TIDEGATE_PEOPLE": "ann:op,ben:op"})
    people = json.loads((tmp_path / "airflow/people.json").read_text())
    assert people["ann"] == json.loads(before["airflow/people.json"])["ann"]
    assert people["ben"]


def test_two_installations_share_no_secret_and_no_reader_shares_anothers(tmp_path: Path) -> None:
    module = loaded()
    for name in ("one", "two"):
        module.main(tmp_path / name, {})
    secret = ("metadata/password", "journal/owner", "journal/writer", "journal/reader", "redis/password")
    found = [(tmp_path / name / path).read_text() for name in ("one", "two") for path in secret]
    assert len(set(found)) == len(found)
    airflow = " ".join(contents(tmp_path / "one/airflow").values())
    assert (tmp_path / "one/journal/owner").read_text() not in airflow
    assert (tmp_path / "one/journal/reader").read_text() not in airflow
    witness = " ".join(contents(tmp_path / "one/witness").values())
    assert (tmp_path / "one/journal/writer").read_text() not in witness
