"""Components and mixes, as every artifacts driver has them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.releases import PRESSES, STRANGER, Press
from tidegate.drivers.artifacts._archive import pack
from tidegate.drivers.artifacts._manifest import Details, build
from tidegate.drivers.artifacts._settings_files import UnfitSettingsError
from tidegate.errors import Refused, Rejected
from tidegate.model.release import Release

PARTS = {"receipts": ["shop/receipts.py"], "basket": ["shop/basket"]}
MIX = "1.1.0+receipts@1.0.0"


def files_of(version: str) -> dict[str, bytes]:
    word = version.encode()
    return {
        "shop/app.py": b"app " + word,
        "shop/receipts.py": b"receipts " + word,
        "shop/basket/one.py": b"basket " + word,
        "shop/basketball.py": b"rest " + word,
    }


def digest_of(files: dict[str, bytes]) -> str:
    """As the specification words it, without our own code."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return "sha256:" + hashlib.sha256(json.dumps(listed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@pytest.fixture(params=sorted(PRESSES))
def press(request: pytest.FixtureRequest, tmp_path: Path) -> Press:
    return PRESSES[request.param](tmp_path)


def offer(press: Press, version: str, sequence: int, components: Any = PARTS, **given: Any) -> Release:
    files = given.pop("files", None) or files_of(version)
    return press.publish(version, sequence, files, change=lambda m: m.update(components=components), **given)


@pytest.fixture
def two(press: Press) -> dict[str, Release]:
    return {"1.0.0": offer(press, "1.0.0", 1), "1.1.0": offer(press, "1.1.0", 2)}


def test_a_component_has_the_digest_of_its_files(press: Press, two: dict[str, Release]) -> None:
    files = files_of("1.1.0")
    assert press.connect().verify("1.1.0").components == {
        "receipts": digest_of({"shop/receipts.py": files["shop/receipts.py"]}),
        "basket": digest_of({"shop/basket/one.py": files["shop/basket/one.py"]}),
    }


def test_a_release_without_components_is_signed_as_it_always_was(press: Press) -> None:
    press.publish("1.0.0")
    root = press.connect().fetch(press.connect().verify("1.0.0"))
    assert "components" not in json.loads((root / "manifest.json").read_text())


def test_a_mix_is_the_newer_release_but_for_the_component(press: Press, two: dict[str, Release]) -> None:
    old, new = (press.connect().verify(version) for version in two)
    made = press.connect().verify(MIX)
    expected = {**files_of("1.1.0"), "shop/receipts.py": b"receipts 1.0.0"}
    assert (made.version, made.sequence, made.digest) == (MIX, 2, digest_of(expected))
    assert made.parents == {"1.1.0": new.digest, "1.0.0": old.digest}
    assert made.components == {"receipts": old.components["receipts"], "basket": new.components["basket"]}
    assert press.connect().verify(MIX) == made


def test_a_mix_is_fetched_with_a_manifest_that_starts_it(press: Press, two: dict[str, Release]) -> None:
    driver = press.connect()
    root = driver.fetch(driver.verify(MIX))
    found = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    manifest = json.loads(found.pop("manifest.json"))
    assert found == {**files_of("1.1.0"), "shop/receipts.py": b"receipts 1.0.0"}
    assert (manifest["command"], manifest["version"]) == (["run"], MIX)
    (root / "shop/receipts.py").chmod(0o644)
    (root / "shop/receipts.py").write_bytes(b"evil")
    assert (driver.fetch(driver.verify(MIX)) / "shop/receipts.py").read_bytes() == b"receipts 1.0.0"


def test_several_components_may_be_older(press: Press, two: dict[str, Release]) -> None:
    made = press.connect().verify("1.1.0+basket@1.0.0+receipts@1.0.0")
    old = press.connect().verify("1.0.0")
    assert made.components == old.components
    assert made.digest not in (old.digest, two["1.1.0"].digest)


def test_what_the_component_no_longer_has_is_gone(press: Press) -> None:
    offer(press, "1.0.0", 1, {"basket": ["shop/basket"]})
    more = {**files_of("1.1.0"), "shop/basket/two.py": b"new"}
    offer(press, "1.1.0", 2, {"basket": ["shop/basket"]}, files=more)
    assert press.connect().verify("1.1.0+basket@1.0.0").digest == digest_of(
        {**files_of("1.1.0"), "shop/basket/one.py": b"basket 1.0.0"}
    )


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_parent_that_was_tampered_with_is_refused(press: Press, two: dict[str, Release], version: str) -> None:
    bent = {**files_of(version), "shop/app.py": b"evil"}
    press.put(version, f"shop-{version}.tar.gz", pack(bent))
    with pytest.raises(Rejected, match=f"release {version}: .* file shop/app.py has sha256"):
        press.connect().verify(MIX)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_parent_that_too_few_have_signed_is_refused(press: Press, two: dict[str, Release], version: str) -> None:
    offer(press, version, 2, signers=(press.signers[0], STRANGER))
    with pytest.raises(Rejected, match=f"release {version}: envelope.json"):
        press.connect().verify(MIX)


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0", MIX])
def test_a_veto_on_a_part_is_one_on_the_mix(press: Press, two: dict[str, Release], version: str) -> None:
    press.index(vetoed=[press.connect().verify(version).digest])
    with pytest.raises(Refused, match=rf"{version.replace('+', '.')} is vetoed"):
        press.connect().verify(MIX)


def test_a_mix_of_a_mix_published_anew_is_not_fetched(press: Press, two: dict[str, Release]) -> None:
    made = press.connect().verify(MIX)
    offer(press, "1.0.0", 1, files={**files_of("1.0.0"), "shop/receipts.py": b"other"})
    with pytest.raises(Rejected, match="was asked for"):
        press.connect().fetch(made)


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("1.1.0+recipts@1.0.0", "1.1.0 declares no component 'recipts'"),
        ("1.1.0+receipts@1.0.9", "there is no release '1.0.9'"),
        ("1.1.0@1.0.0", "a mix is written"),
        ("1.0.0+receipts@1.1.0", "1.1.0 is newer than 1.0.0"),
        ("1.1.0+receipts@0.9.0", "0.9.0 declares no component 'receipts'"),
        ("1.1.0+receipts@0.8.0", "0.8.0 takes secret key, which 1.1.0 does not have"),
        ("1.1.0+receipts@0.7.0", "shop/app.py is a file of 'receipts' in 0.7.0"),
    ],
)
def test_what_cannot_be_merged_is_refused(press: Press, two: dict[str, Release], version: str, says: str) -> None:
    press.publish("0.9.0", 0, files_of("0.9.0"))
    secret = {"secrets.json": b'{"key":"1"}'}
    press.publish(
        "0.8.0", 0, {**files_of("0.8.0"), **secret}, change=lambda m: m.update(components=PARTS, secrets={"key": "1"})
    )
    offer(press, "0.7.0", 0, {"receipts": ["shop/receipts.py", "shop/app.py"]})
    with pytest.raises(Refused) as error:
        press.connect().verify(version)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("components", "says"),
    [
        ({"a": ["shop/nothing"]}, "no file of the release is 'shop/nothing'"),
        ({"a": ["shop"], "b": ["shop/app.py"]}, "two components, 'a' and 'b'"),
        ({"a": ["config.json"]}, "no file of the release is 'config.json'"),
        ({"A": ["shop"]}, "no component's name"),
        ({"a": []}, "has no files"),
    ],
)
def test_components_that_will_not_do(press: Press, components: dict[str, list[str]], says: str) -> None:
    given = {name: tuple(prefixes) for name, prefixes in components.items()}
    with pytest.raises(UnfitSettingsError, match=says):
        build(Details("shop", "1.0.0", 1, ("run",), components=given), files_of("1.0.0"))
    offer(press, "1.0.0", 1, {name: list(prefixes) for name, prefixes in components.items()})
    with pytest.raises(Rejected, match=says):
        press.connect().verify("1.0.0")
