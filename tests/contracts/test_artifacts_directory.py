"""What only the directory driver has: a file system that may be away, and files of public keys."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.support.releases import K1, DirectoryPress, site
from tidegate.drivers import registry
from tidegate.drivers.artifacts import directory
from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.errors import Refused, Rejected, Unreachable


@pytest.fixture
def press(tmp_path: Path) -> DirectoryPress:
    made = DirectoryPress(tmp_path)
    made.publish("1.0.0")
    return made


def connect(press: DirectoryPress, **settings: object) -> Artifacts:
    return directory.connect(directory.Settings(path="lab/releases", **{"threshold": 2, **settings}), site(press.root))


def test_the_registry_knows_it_by_its_kind(press: DirectoryPress) -> None:
    assert registry.kinds("artifacts") == ("directory", "memory")
    driver = registry.connect(
        "artifacts", {"kind": "directory", "path": "lab/releases", "threshold": 2}, site(press.root)
    )
    assert driver.verify("1.0.0").version == "1.0.0"


def test_a_directory_that_is_away_is_unreachable(press: DirectoryPress) -> None:
    driver = connect(press)
    shutil.rmtree(press.store)
    for call in (driver.ping, driver.versions, driver.index, lambda: driver.verify("1.0.0")):
        with pytest.raises(Unreachable):
            call()


def test_only_allowed_keys_count(press: DirectoryPress) -> None:
    press.publish("1.0.0")  # by k1 and k2
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed from k2, k3: key 'k1' is not trusted"):
        connect(press, keys=("k2", "k3")).verify("1.0.0")
    assert connect(press, keys=("k1", "k2")).verify("1.0.0").version == "1.0.0"


def test_an_allowed_key_without_a_file_is_named(press: DirectoryPress) -> None:
    with pytest.raises(Refused, match=r"'k9' has no file k9.pub.json .*present: k1, k2, k3"):
        connect(press, keys=("k1", "k9")).verify("1.0.0")


def test_fewer_keys_than_the_threshold_are_refused(press: DirectoryPress) -> None:
    with pytest.raises(Refused, match=r"3 different public keys are trusted .* but 4 signatures"):
        connect(press, threshold=4).verify("1.0.0")


def test_one_key_under_two_names_is_one_key(press: DirectoryPress) -> None:
    twin = {**K1.public(), "keyid": "twin"}
    (press.store / "keys" / "twin.pub.json").write_text(json.dumps(twin))
    press.publish("1.0.0", signers=[K1, type(K1)("twin", K1.pem)])
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed"):
        connect(press).verify("1.0.0")
    with pytest.raises(Refused, match=r"1 different public keys are trusted"):
        connect(press, keys=("k1", "twin")).verify("1.0.0")


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keyval": {"public": 1}}'])
def test_a_broken_key_file_is_named(press: DirectoryPress, content: str) -> None:
    (press.store / "keys" / "k3.pub.json").write_text(content)
    with pytest.raises(Refused, match=r"k3.pub.json is no public key"):
        connect(press).verify("1.0.0")


def test_a_key_of_an_unknown_kind_is_refused(press: DirectoryPress) -> None:
    key = {**K1.public(), "keytype": "rot13", "scheme": "rot13"}
    (press.store / "keys" / "k1.pub.json").write_text(json.dumps(key))
    with pytest.raises(Refused, match=r"trusted public key 'k1' cannot be used"):
        connect(press).verify("1.0.0")


def test_keys_may_lie_elsewhere(press: DirectoryPress) -> None:
    (press.store / "keys").rename(press.root / "trusted")
    assert connect(press, public_keys="trusted").verify("1.0.0").version == "1.0.0"
    assert connect(press, public_keys="trusted").versions() == ("1.0.0",)


def test_paths_stay_below_the_root(press: DirectoryPress) -> None:
    for settings in ({"public_keys": "../keys"}, {"cache": "/tmp/cache"}):
        with pytest.raises(ValueError, match=r"leaves"):
            connect(press, **settings)


@pytest.mark.parametrize("settings", [{"threshold": 0}, {"keys": ()}, {"treshold": 2}])
def test_settings_are_strict(press: DirectoryPress, settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        connect(press, **settings)


def test_a_huge_file_is_not_read(press: DirectoryPress, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "LARGEST", 10)
    with pytest.raises(Rejected, match=r"at most 10 are read"):
        connect(press).verify("1.0.0")


def test_a_version_leads_nowhere_else(press: DirectoryPress) -> None:
    (press.store.parent / "envelope.json").write_bytes(press.get("1.0.0", "envelope.json"))
    with pytest.raises(Refused, match=r"there is no release '\.\.'"):
        connect(press).verify("..")
