"""The lab's releases: seven of them, reproducible, each wrong in its own way."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import httpx
import pytest

from lab import releases
from tests.support.releases import site
from tests.support.shop import shop_process
from tidegate.drivers.artifacts import directory
from tidegate.drivers.artifacts._archive import unpack
from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.errors import Rejected

NO_DATABASE = "postgresql://nobody@127.0.0.1:9/none"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home")
    releases.build(root / "lab" / "releases", root / "lab" / "keys")
    return root


def artifacts(home: Path) -> Artifacts:
    return directory.connect(directory.Settings(path="lab/releases", threshold=2), site(home))


def contents(root: Path) -> dict[str, tuple[bytes, int]]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_all_but_the_tampered_one_verify(home: Path) -> None:
    driver, refused = artifacts(home), []
    for version in driver.versions():
        try:
            driver.verify(version)
        except Rejected:
            refused.append(version)
    assert driver.versions() == tuple(sorted(r.version for r in releases.RECIPES))
    assert refused == ["1.4.0"]


def test_only_1_5_0_is_too_old(home: Path) -> None:
    driver = artifacts(home)
    oldest = driver.index().oldest_sequence
    good = [v for v in driver.versions() if v != "1.4.0"]
    assert [v for v in good if driver.verify(v).sequence < oldest] == ["1.5.0"]
    assert driver.index().vetoed == frozenset()


def test_1_4_0_differs_by_one_byte_and_says_where(home: Path) -> None:
    offered = unpack((home / "lab/releases/1.4.0/shop-1.4.0.tar.gz").read_bytes())
    signed = releases.shop_files(next(r for r in releases.RECIPES if r.version == "1.4.0"))
    different = [name for name in signed if offered[name] != signed[name]]
    assert different == ["shop/app.py"]
    pairs = list(zip(offered["shop/app.py"], signed["shop/app.py"], strict=True))
    assert sum(a != b for a, b in pairs) == 1
    with pytest.raises(Rejected, match=r"release 1.4.0: shop-1.4.0.tar.gz: file shop/app.py has sha256 "):
        artifacts(home).verify("1.4.0")


def test_releases_differ_in_their_own_files_only(home: Path) -> None:
    files = {r.version: releases.shop_files(r) for r in releases.RECIPES}
    for version in files:
        changed = {name for name in files[version] if files[version][name] != files["1.0.0"].get(name)}
        assert {n for n in changed if not n.startswith("migrations/")} <= {"shop/release.py", "shop/fault.py"}, version


def test_building_again_changes_nothing(home: Path) -> None:
    before = contents(home / "lab")
    releases.build(home / "lab" / "releases", home / "lab" / "keys")
    assert contents(home / "lab") == before


def test_building_elsewhere_with_the_same_keys_gives_the_same_bytes(home: Path, tmp_path: Path) -> None:
    releases.build(tmp_path / "again", home / "lab" / "keys")
    one, other = contents(home / "lab" / "releases"), contents(tmp_path / "again")
    assert {name: c for name, (c, _) in one.items()} == {name: c for name, (c, _) in other.items()}


def test_a_spoiled_release_is_built_anew(tmp_path: Path) -> None:
    releases.build(tmp_path / "releases", tmp_path / "keys")
    archive = tmp_path / "releases/1.0.0/shop-1.0.0.tar.gz"
    good = archive.read_bytes()
    archive.write_bytes(b"spoiled")
    releases.build(tmp_path / "releases", tmp_path / "keys")
    assert archive.read_bytes() == good


def test_private_keys_are_private_and_elsewhere(home: Path) -> None:
    keys = sorted((home / "lab" / "keys").iterdir())
    assert [k.name for k in keys] == ["k1.pem", "k2.pem", "k3.pem"]
    assert {stat.S_IMODE(k.stat().st_mode) for k in keys} == {0o600}
    published = b"".join(content for content, _ in contents(home / "lab" / "releases").values())
    assert b"PRIVATE KEY" not in published
    assert repr(releases.private_key(home / "lab" / "keys", "k1")) == "SigningKey(keyid='k1')"


@pytest.mark.real
def test_a_running_process_reports_the_signed_digest(home: Path, tmp_path: Path) -> None:
    driver = artifacts(home)
    release = driver.verify("1.1.0")
    sealed = tmp_path / "sealed.json"
    sealed.write_text(json.dumps({"versions": {"receipt_key": "2"}, "values": {"receipt_key": "ruby-raven-72"}}))
    with shop_process(driver.fetch(release), NO_DATABASE, SHOP_SECRETS_FILE=str(sealed)) as (base, process):
        answer = httpx.get(f"{base}/_release")
    digests = {"digest": release.digest, "secrets": release.secrets_digest}
    assert answer.json() == {"version": "1.1.0", **digests, "pid": process.pid}
    shown = {name: answer.headers[name] for name in ("x-release", "x-delivery-days", "x-receipt-key")}
    assert shown == {"x-release": "1.1.0", "x-delivery-days": "2", "x-receipt-key": "receipt_key/2"}
    driver.fetch(release)  # running it left nothing behind: no bytecode, no logs
    assert not list(driver.fetch(release).rglob("__pycache__"))


@pytest.mark.real
def test_a_process_from_a_swapped_file_reports_another_digest(home: Path, tmp_path: Path) -> None:
    good, other = (artifacts(home).verify(v) for v in ("1.1.0", "1.2.0"))
    for release in (good, other):
        for name, content in unpack(archive_of(home, release.version)).items():
            path = tmp_path / release.version / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    swapped = tmp_path / "1.1.0"
    (swapped / "shop/fault.py").write_bytes((tmp_path / "1.2.0/shop/fault.py").read_bytes())
    with shop_process(swapped, NO_DATABASE) as (base, _):
        said = httpx.get(f"{base}/_release").json()
        (swapped / "shop/fault.py").write_bytes(unpack(archive_of(home, "1.1.0"))["shop/fault.py"])
        assert httpx.get(f"{base}/_release").json() == said, "what was loaded counts, not what lies there now"
    assert said["version"] == "1.1.0"
    assert said["digest"] not in (good.digest, other.digest)


def archive_of(home: Path, version: str) -> bytes:
    return (home / f"lab/releases/{version}/shop-{version}.tar.gz").read_bytes()
