"""The contract of every artifacts driver: what it answers has been verified, or it says what is wrong."""

from __future__ import annotations

import gzip
import hashlib
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.releases import (
    FILES,
    K1,
    K2,
    PRESSES,
    STRANGER,
    Press,
    entry,
    hostile_archive,
    payload_of,
    with_payload,
)
from tidegate.drivers.artifacts._archive import pack
from tidegate.errors import Refused, Rejected
from tidegate.model.release import Release

ARCHIVE = "shop-1.0.0.tar.gz"


@pytest.fixture(params=sorted(PRESSES))
def press(request: pytest.FixtureRequest, tmp_path: Path) -> Press:
    return PRESSES[request.param](tmp_path)


def expected_digest(files: dict[str, bytes]) -> str:
    """As the specification words it, without our own code."""
    listed = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return "sha256:" + hashlib.sha256(json.dumps(listed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def test_a_signed_release_is_described(press: Press) -> None:
    press.publish("1.0.0", 7, change=lambda m: m.update(schema_revision="r3", flags=["new_cart"]))
    assert press.connect().verify("1.0.0") == Release("1.0.0", expected_digest(FILES), 7, "r3", ("new_cart",))


def test_any_two_of_three_keys_will_do(press: Press) -> None:
    press.publish("1.0.0", signers=(press.signers[1], K1))
    assert press.connect().verify("1.0.0").version == "1.0.0"


def test_versions_are_sorted_as_versions(press: Press) -> None:
    for version in ("1.10.0", "1.9.0", "1.10.0-rc1", "0.9"):
        press.publish(version)
    assert press.connect().versions() == ("0.9", "1.9.0", "1.10.0", "1.10.0-rc1")


def test_fetch_leaves_exactly_the_files_and_the_signed_manifest(press: Press) -> None:
    release = press.publish("1.0.0")
    root = press.connect().fetch(release)
    found = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}
    manifest = json.loads(found.pop("manifest.json"))
    assert found == FILES
    assert manifest == payload_of(json.loads(press.get("1.0.0", "envelope.json")))
    assert root == press.root / "lab" / "cache" / release.digest.removeprefix("sha256:")


def test_fetch_again_leaves_good_files_alone(press: Press) -> None:
    release = press.publish("1.0.0")
    before = (press.connect().fetch(release) / "VERSION").stat()
    after = (press.connect().fetch(release) / "VERSION").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def change_file(root: Path) -> None:
    (root / "shop/app.py").unlink()
    (root / "shop/app.py").write_bytes(b"print('evil')\n")


def link_file(root: Path) -> None:
    content = (root / "VERSION").read_bytes()
    (root / "VERSION").unlink()
    (root.parent / "elsewhere").write_bytes(content)
    (root / "VERSION").symlink_to(root.parent / "elsewhere")


def link_root(root: Path) -> None:
    root.rename(root.parent / "elsewhere")
    root.symlink_to(root.parent / "elsewhere")


SPOILS = {
    "changed": change_file,
    "missing": lambda root: (root / "VERSION").unlink(),
    "extra": lambda root: (root / "shop/extra.py").write_bytes(b""),
    "link": link_file,
    "a link to the whole": link_root,
    "manifest": lambda root: (root / "manifest.json").unlink(),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_fetch_verifies_the_cache_again(press: Press, spoil: str) -> None:
    release = press.publish("1.0.0")
    root = press.connect().fetch(release)
    SPOILS[spoil](root)
    assert press.connect().fetch(release) == root
    found = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if not p.is_dir()}
    assert not any(p.is_symlink() for p in (root, *root.rglob("*")))
    assert {name: found[name] for name in found if name != "manifest.json"} == FILES
    assert "manifest.json" in found
    assert [p.name for p in root.parent.glob(".*")] == [".lock"], "nothing half-written may stay"


def test_many_may_fetch_at_once(press: Press) -> None:
    release, driver = press.publish("1.0.0"), press.connect()
    with ThreadPoolExecutor(8) as pool:
        roots = {f.result() for f in [pool.submit(driver.fetch, release) for _ in range(24)]}
    assert len(roots) == 1
    assert (roots.pop() / "VERSION").read_bytes() == b"1"


def test_fetch_refuses_a_version_published_anew(press: Press) -> None:
    old = press.publish("1.0.0")
    new = press.publish("1.0.0", files={**FILES, "VERSION": b"2"})
    with pytest.raises(Rejected, match=f"is {new.digest} now, but {old.digest} was asked for"):
        press.connect().fetch(old)


def test_a_changed_file_is_named_with_both_hashes(press: Press) -> None:
    press.publish("1.0.0")
    press.put("1.0.0", ARCHIVE, pack({**FILES, "shop/app.py": b"print('shoq')\n"}))
    found, signed = (hashlib.sha256(b"print('%s')\n" % word).hexdigest() for word in (b"shoq", b"shop"))
    with pytest.raises(Rejected) as error:
        press.connect().verify("1.0.0")
    assert (
        f"release 1.0.0: {ARCHIVE}: file shop/app.py has sha256 {found} but the signed manifest says {signed}"
        in error.value.message
    )


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({**FILES, "shop/more.py": b""}, "file shop/more.py is not in the signed manifest"),
        ({"VERSION": b"1"}, "file shop/app.py is missing"),
    ],
)
def test_files_that_are_not_as_listed_are_named(press: Press, files: dict[str, bytes], said: str) -> None:
    press.publish("1.0.0")
    press.put("1.0.0", ARCHIVE, pack(files))
    with pytest.raises(Rejected, match=said):
        press.connect().verify("1.0.0")


def test_no_byte_of_an_archive_can_change(press: Press) -> None:
    release = press.publish("1.0.0")
    good, driver = press.get("1.0.0", ARCHIVE), press.connect()
    for position in range(len(good)):
        press.put("1.0.0", ARCHIVE, good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
        for call in (lambda: driver.verify("1.0.0"), lambda: driver.fetch(release)):
            with pytest.raises(Rejected, match=r"release 1.0.0: shop-1.0.0.tar.gz: "):
                call()


@pytest.mark.parametrize("tail", [b"x", gzip.compress(b"more", mtime=0)])
def test_nothing_may_follow_the_archive(press: Press, tail: bytes) -> None:
    press.publish("1.0.0")
    press.put("1.0.0", ARCHIVE, press.get("1.0.0", ARCHIVE) + tail)
    with pytest.raises(Rejected, match=r"single, complete gzip"):
        press.connect().verify("1.0.0")


def test_a_missing_archive_is_named(press: Press) -> None:
    press.publish("1.0.0")
    press.put("1.0.0", ARCHIVE, None)
    with pytest.raises(Rejected, match=f"{ARCHIVE}: is missing"):
        press.connect().verify("1.0.0")


def test_a_changed_manifest_is_refused(press: Press) -> None:
    press.publish("1.0.0", 1)
    press.change_envelope("1.0.0", lambda e: with_payload(e, {**payload_of(e), "sequence": 9}))
    with pytest.raises(
        Rejected, match=r"0 valid signatures, 2 needed from k1, k2, k3: .*'k1' does not match.*'k2' does"
    ):
        press.connect().verify("1.0.0")


def test_one_signature_is_not_two(press: Press) -> None:
    press.publish("1.0.0", signers=[K1])
    with pytest.raises(Rejected, match=r"release 1.0.0: envelope.json: 1 valid signatures, 2 needed"):
        press.connect().verify("1.0.0")


def test_a_stranger_does_not_count(press: Press) -> None:
    press.publish("1.0.0", signers=[K1, STRANGER])
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed .*key 'stranger' is not trusted"):
        press.connect().verify("1.0.0")


def test_a_strangers_signature_under_a_trusted_id_does_not_count(press: Press) -> None:
    press.publish("1.0.0", signers=[K1, STRANGER])
    press.change_envelope("1.0.0", lambda e: e["signatures"][1].update(keyid="k2"))
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed .*signature by 'k2' does not match"):
        press.connect().verify("1.0.0")


def test_a_key_that_signs_twice_counts_once(press: Press) -> None:
    press.publish("1.0.0", signers=[K1])
    press.change_envelope("1.0.0", lambda e: e["signatures"].append(e["signatures"][0]))
    with pytest.raises(Rejected, match=r"1 valid signatures, 2 needed"):
        press.connect().verify("1.0.0")


def test_signing_twice_does_no_harm_beside_a_second_key(press: Press) -> None:
    press.publish("1.0.0", signers=[K1, K2])
    press.change_envelope("1.0.0", lambda e: e["signatures"].append(e["signatures"][0]))
    assert press.connect().verify("1.0.0").version == "1.0.0"


def test_an_envelope_of_another_version_is_refused(press: Press) -> None:
    press.publish("1.0.0")
    press.publish("1.1.0")
    press.put("1.1.0", "envelope.json", press.get("1.0.0", "envelope.json"))
    with pytest.raises(Rejected, match=r"the signed manifest is of release 1.0.0, not of 1.1.0"):
        press.connect().verify("1.1.0")


def test_an_index_is_no_release_and_a_release_no_index(press: Press) -> None:
    press.publish("1.0.0")
    release, index = press.get("1.0.0", "envelope.json"), press.get("", "index.json")
    press.put("1.0.0", "envelope.json", index)
    press.put("", "index.json", release)
    with pytest.raises(Rejected, match=r"is signed as '.*index\+json', expected '.*release\+json'"):
        press.connect().verify("1.0.0")
    with pytest.raises(Rejected, match=r"is signed as '.*release\+json', expected '.*index\+json'"):
        press.connect().index()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"digest": "sha256:0"}, "the signed digest is sha256:0, but the listed files give"),
        ({"sequence": "7"}, "wrong at 'sequence'"),
        ({"surprise": 1}, "wrong at 'surprise'"),
        ({"files": {"../up": "00"}}, "a path that is not allowed"),
        ({"files": {"manifest.json": "00"}}, "must not hold a file manifest.json"),
    ],
)
def test_a_signed_manifest_must_make_sense(press: Press, change: dict[str, object], said: str) -> None:
    press.publish("1.0.0", change=lambda m: m.update(change))
    with pytest.raises(Rejected, match=said):
        press.connect().verify("1.0.0")


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{}", b"\xff", b'{"payload": 1, "payloadType": "x", "signatures": []}', b"[" * 100_000]
)
def test_what_is_no_envelope_is_rejected(press: Press, content: bytes) -> None:
    press.publish("1.0.0")
    press.put("1.0.0", "envelope.json", content)
    with pytest.raises(Rejected, match=r"is no DSSE envelope"):
        press.connect().verify("1.0.0")


HOSTILE = {
    "parent": ([entry("../evil")], "'../evil' is no plain relative path"),
    "inner parent": ([entry("shop/../../evil")], "is no plain relative path"),
    "absolute": ([entry("/etc/evil")], "'/etc/evil' is no plain relative path"),
    "backslash": ([entry("shop\\evil")], "is no plain relative path"),
    "dot": ([entry("./evil")], "is no plain relative path"),
    "symlink": ([entry("shop/app.py", tarfile.SYMTYPE, "/etc/passwd")], "'shop/app.py' is no plain file"),
    "hard link": ([entry("shop/app.py", tarfile.LNKTYPE, "../../x")], "is no plain file"),
    "device": ([entry("shop/null", tarfile.CHRTYPE)], "is no plain file"),
    "pipe": ([entry("shop/pipe", tarfile.FIFOTYPE)], "is no plain file"),
    "twice": ([entry("VERSION"), entry("VERSION")], "'VERSION' stands twice"),
    "a directory above": ([entry("..", tarfile.DIRTYPE)], "is no plain relative path"),
    "too many": ([entry(f"f{n}") for n in range(2001)], "more than 2000 entries"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_even_if_signed(press: Press, name: str) -> None:
    entries, said = HOSTILE[name]
    release = press.publish("1.0.0", archive=hostile_archive(*entries))
    before = sorted(press.root.rglob("*"))
    for call in (lambda: press.connect().verify("1.0.0"), lambda: press.connect().fetch(release)):
        with pytest.raises(Rejected, match=said):
            call()
    assert sorted(press.root.rglob("*")) == before, "nothing may be written"


@pytest.mark.parametrize(
    ("archive", "said"),
    [
        (gzip.compress(bytes(65 << 20), mtime=0), "holds more than"),
        (hostile_archive(entry("big"), content=bytes(17 << 20)), "'big' has 17825792 bytes, at most 16777216"),
        (gzip.compress(b"no tar at all" * 100, mtime=0), "is no readable tar"),
        (b"no gzip", "is no readable gzip"),
    ],
    ids=["too much", "too long", "no tar", "no gzip"],
)
def test_bombs_and_rubbish_are_refused(press: Press, archive: bytes, said: str) -> None:
    press.publish("1.0.0", archive=archive)
    with pytest.raises(Rejected, match=said):
        press.connect().verify("1.0.0")


@pytest.mark.parametrize(
    ("asked", "hint"),
    [("1.1", "did you mean '1.1.0'?"), ("v1.0.0", "did you mean '1.0.0'?"), ("zzz", "releases on offer: 1.0.0, 1.1.0")],
)
def test_a_missing_version_suggests_the_likely_one(press: Press, asked: str, hint: str) -> None:
    press.publish("1.0.0")
    press.publish("1.1.0")
    with pytest.raises(Refused) as error:
        press.connect().verify(asked)
    assert hint in error.value.next_step


@pytest.mark.parametrize("version", ["../1.0.0", "", ".", "..", "/etc", "a/b", "1.0.0\n"])
def test_a_version_is_no_path(press: Press, version: str) -> None:
    press.publish("1.0.0")
    with pytest.raises(Refused, match=r"there is no release"):
        press.connect().verify(version)


def test_the_index_tells_age_and_vetoes(press: Press) -> None:
    release = press.publish("1.0.0", 3)
    press.index(oldest=4, vetoed=[release.digest])
    index = press.connect().index()
    assert (index.oldest_sequence, index.vetoed) == (4, {release.digest})
    assert press.connect().verify("1.0.0").sequence == 3, "an old release is still what it is: age binds promotion only"


def test_the_index_must_be_there_and_signed(press: Press) -> None:
    press.index(signers=[K1])
    with pytest.raises(Rejected, match=r"index.json: 1 valid signatures, 2 needed"):
        press.connect().index()
    press.put("", "index.json", None)
    with pytest.raises(Rejected, match=r"there is no signed index"):
        press.connect().index()


def test_ping_is_quiet(press: Press) -> None:
    press.connect().ping()
