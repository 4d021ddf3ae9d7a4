"""What every driver holds to that releases can be published through."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.releases import FILES, K1, K2, PRESSES, STRANGER, DirectoryPress, Press, site
from tidegate.drivers.artifacts import directory
from tidegate.drivers.artifacts._manifest import ENVELOPE, Details, build
from tidegate.drivers.artifacts._signatures import INDEX_TYPE, RELEASE_TYPE, SigningKey, sign
from tidegate.drivers.artifacts.contract import Publishes
from tidegate.errors import Refused, Rejected, Unreachable


@pytest.fixture(params=PRESSES)
def press(request: pytest.FixtureRequest, tmp_path: Path) -> Press:
    return PRESSES[request.param](tmp_path)


def shelf(press: Press) -> Publishes:
    driver = press.connect()
    assert isinstance(driver, Publishes)
    return driver


def release(
    version: str = "1.1.0",
    sequence: int = 5,
    signers: tuple[SigningKey, ...] = (K1, K2),
    files: Mapping[str, bytes] = FILES,
) -> dict[str, bytes]:
    built = build(Details("shop", version, sequence, ("run",)), files)
    envelope = sign(built.manifest.model_dump(mode="json"), RELEASE_TYPE, signers)
    return {built.manifest.archive_name: built.archive, ENVELOPE: envelope}


def index(oldest: int, vetoed: tuple[str, ...] = (), signers: tuple[SigningKey, ...] = (K1, K2)) -> bytes:
    return sign({"oldest_sequence": oldest, "vetoed": list(vetoed)}, INDEX_TYPE, signers)


def test_what_is_published_is_on_offer_and_verifies(press: Press) -> None:
    assert shelf(press).publish("1.1.0", release()) is True
    assert press.connect().versions() == ("1.1.0",)
    assert press.connect().verify("1.1.0").sequence == 5


def test_the_same_bytes_again_are_nothing_new(press: Press) -> None:
    shelf(press).publish("1.1.0", release())
    assert shelf(press).publish("1.1.0", release()) is False


@pytest.mark.parametrize("other", [release(files={"a": b"b"}), release(sequence=6)], ids=["files", "sequence"])
def test_other_bytes_under_a_published_version_are_refused(press: Press, other: dict[str, bytes]) -> None:
    shelf(press).publish("1.1.0", release())
    with pytest.raises(Refused, match=r"1.1.0 is published already, with other bytes"):
        shelf(press).publish("1.1.0", other)
    assert press.get("1.1.0", "shop-1.1.0.tar.gz") == release()["shop-1.1.0.tar.gz"]


@pytest.mark.parametrize("signers", [(), (K1,), (K1, STRANGER)], ids=["none", "one", "stranger"])
def test_what_too_few_trusted_keys_have_signed_is_not_published(press: Press, signers: tuple[SigningKey, ...]) -> None:
    with pytest.raises(Rejected, match=r"valid signatures, 2 needed"):
        shelf(press).publish("1.1.0", release(signers=signers))
    assert press.connect().versions() == ()


def test_what_was_changed_after_signing_is_not_published(press: Press) -> None:
    with pytest.raises(Rejected, match=r"file VERSION has sha256"):
        shelf(press).publish(
            "1.1.0", {**release(), "shop-1.1.0.tar.gz": release(files={**FILES, "VERSION": b"2"})["shop-1.1.0.tar.gz"]}
        )
    assert press.connect().versions() == ()


def test_a_file_that_nobody_signed_is_not_published(press: Press) -> None:
    with pytest.raises(Rejected, match=r"expected exactly"):
        shelf(press).publish("1.1.0", {**release(), "extra": b""})
    assert press.connect().versions() == ()


def test_what_the_index_shuts_out_is_not_published(press: Press) -> None:
    digest = press.publish("0.9.0").digest
    press.index(oldest=5, vetoed=[digest])
    with pytest.raises(Refused, match=r"too old: its sequence is 4 and the release index allows 5"):
        shelf(press).publish("1.1.0", release(sequence=4, files={"new": b""}))
    with pytest.raises(Refused, match=r"is vetoed"):
        shelf(press).publish("1.1.0", release(sequence=9))


def test_an_index_only_grows_stricter(press: Press) -> None:
    veto = "sha256:" + "0" * 64
    assert shelf(press).publish_index(index(3, (veto,))) is True
    assert shelf(press).publish_index(index(3, (veto,))) is False
    with pytest.raises(Refused, match=r"allows sequence 2, the published one nothing below 3"):
        shelf(press).publish_index(index(2, (veto,)))
    with pytest.raises(Refused, match=r"lifts the veto on sha256:0"):
        shelf(press).publish_index(index(3))
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed"):
        shelf(press).publish_index(index(9, (veto,), (K1,)))
    assert press.connect().index().oldest_sequence == 3


def test_two_who_publish_at_once_leave_one_whole_release(press: Press) -> None:
    offers = [release(files={"n": str(n).encode()}) for n in range(6)]
    new: list[bool] = []
    refused: list[Exception] = []

    def offer(files: dict[str, bytes]) -> None:
        try:
            new.append(shelf(press).publish("1.1.0", files))
        except Refused as error:
            refused.append(error)

    threads = [threading.Thread(target=offer, args=(files,)) for files in offers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (new, len(refused)) == ([True], 5)
    assert press.connect().verify("1.1.0").version == "1.1.0"


def test_what_a_killed_publisher_left_is_not_on_offer_and_in_nobodys_way(tmp_path: Path) -> None:
    press = DirectoryPress(tmp_path)
    half = press.store / ".1.1.0.fresh"
    half.mkdir()
    (half / ENVELOPE).write_bytes(b"half")
    assert press.connect().versions() == ()
    assert shelf(press).publish("1.1.0", release()) is True
    assert not half.exists()


def test_a_directory_that_is_away_is_unreachable(tmp_path: Path) -> None:
    press = DirectoryPress(tmp_path)
    (press.store / "keys").rename(tmp_path / "keys")
    press.store.rename(tmp_path / "away")
    settings = directory.Settings(path="lab/releases", threshold=2, public_keys="keys")
    with pytest.raises(Unreachable, match=r"there is no directory"):
        directory.connect(settings, site(tmp_path)).publish("1.1.0", release())
    assert not press.store.exists(), "a mount that is away is not made up for"
