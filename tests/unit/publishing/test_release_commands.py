"""``tidegate release …``: the whole way from files to a release on offer, by the command line."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.support.estate import ROOT
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.drivers.artifacts import directory
from tidegate.drivers.site import Site

COMMAND = "{python} -m shop --port {port}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A build directory, three keys, and an empty place that trusts their public halves."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIDEGATE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TIDEGATE_POLICIES", str(ROOT / "dags" / "policies"))
    (tmp_path / "files" / "shop").mkdir(parents=True)
    (tmp_path / "files" / "shop" / "app.py").write_text("print('shop')\n")
    (tmp_path / "config.json").write_text('{"currency": "EUR"}')
    for keyid in ("k1", "k2", "k3"):
        assert main(["release", "keygen", keyid, "--out", "keys"]) == ExitCode.OK
    trusted = tmp_path / "home" / "lab" / "releases" / "keys"
    trusted.mkdir(parents=True)
    for public in (tmp_path / "keys").glob("*.pub.json"):
        (trusted / public.name).write_bytes(public.read_bytes())
    return tmp_path


def build(version: str = "1.1.0", *more: str, out: str = "bundle") -> int:
    wanted = ["--service", "shop", "--version", version, "--sequence", "101", "--command", COMMAND, "--out", out]
    return main(["release", "build", "files", *wanted, *more])


def sign(*keyids: str, out: str = "bundle") -> int:
    return main(["release", "sign", out, *(f"--key=keys/{keyid}.pem" for keyid in keyids)])


def verify(threshold: int = 2, out: str = "bundle", *more: str) -> int:
    return main(["release", "verify", out, "--keys", "keys", "--threshold", str(threshold), *more])


def publish(out: str = "bundle", to: str = "shop") -> int:
    return main(["release", "publish", out, "--to", to])


def offered(here: Path) -> directory.Shelf:
    site = Site("shop", {"east": 10_000}, (), here / "home")
    return directory.connect(directory.Settings(path="lab/releases", threshold=2), site)


def test_build_sign_verify_publish(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build("1.1.0", "--config", "config.json", "--secret", "payments_token=v3") == ExitCode.OK
    assert sign("k2") == ExitCode.OK
    assert sign("k3") == ExitCode.OK
    assert verify() == ExitCode.OK
    assert publish() == ExitCode.OK
    text = capsys.readouterr().out
    assert "signed by k2, k3: bundle" in text
    assert "verified: shop 1.1.0 (sha256:" in text
    assert "shop: 1.1.0 is published" in text
    release = offered(here).verify("1.1.0")
    assert (release.sequence, [str(s) for s in release.secrets]) == (101, ["payments_token in version v3"])
    assert release.configuration.startswith("sha256:")


def test_the_same_build_gives_the_same_bytes_and_publishing_again_is_nothing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for out in ("one", "two"):
        assert build(out=out) == sign("k3", out=out) == sign("k1", out=out) == ExitCode.OK
    assert sign("k1", "k3", out="two") == ExitCode.OK
    one, two = ({p.name: p.read_bytes() for p in (here / out).iterdir()} for out in ("one", "two"))
    assert one == two, "who signed first is of no matter"
    assert publish("one") == publish("two") == ExitCode.OK
    assert "published before, the same bytes" in capsys.readouterr().out


def test_building_again_keeps_signatures_and_something_else_is_refused(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build() == sign("k1", "k2") == build() == verify() == ExitCode.OK
    (here / "files" / "shop" / "app.py").write_text("print('other')\n")
    assert build() == ExitCode.REFUSED
    assert "bundle holds something else already" in capsys.readouterr().err
    assert verify() == ExitCode.OK, "what was there is untouched"


def test_one_signature_of_two_does_not_verify_and_is_not_published(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build() == sign("k1") == ExitCode.OK
    assert verify() == publish() == ExitCode.REFUSED
    assert "1 valid signatures, 2 needed from k1, k2, k3" in capsys.readouterr().err
    assert offered(here).versions() == ()


def test_where_nobody_is_trusted_the_place_is_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build() == sign("k1", "k2") == ExitCode.OK
    trusted = here / "home" / "lab" / "releases" / "keys"
    for key in trusted.iterdir():
        key.unlink()
    assert publish() == ExitCode.REFUSED
    assert f"in {trusted} 0 different public keys are trusted" in capsys.readouterr().err
    trusted.rmdir()
    assert publish() == ExitCode.REFUSED
    assert f"there is no directory {trusted}" in capsys.readouterr().err
    assert main(["release", "verify", "bundle", "--keys", "nosuch", "--threshold", "2"]) == ExitCode.REFUSED
    assert "there is no directory nosuch" in capsys.readouterr().err


def test_a_command_says_what_is_filled_in(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["release", "build", "files", "--service", "shop", "--version", "1.1.0", "--sequence", "101"]
    assert main([*wanted, "--command", "{pyhton} -m shop --port {port}", "--out", "x"]) == ExitCode.REFUSED
    said = capsys.readouterr().err
    assert "holds {pyhton}, which nobody fills in" in said
    assert "did you mean 'python'?" in said
    assert not (here / "x").exists()
    assert main([*wanted, "--command", "{python} -m shop", "--out", "x"]) == ExitCode.OK
    assert "warning: the command holds no {port}" in capsys.readouterr().err
    assert build(out="y") == ExitCode.OK
    assert "warning" not in capsys.readouterr().err


def test_what_was_changed_is_neither_verified_nor_signed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build() == sign("k1", "k2") == ExitCode.OK
    archive = here / "bundle" / "shop-1.1.0.tar.gz"
    archive.write_bytes(archive.read_bytes() + b"x")
    assert verify() == sign("k3") == publish() == ExitCode.REFUSED
    assert "is no single, complete gzip stream" in capsys.readouterr().err


def test_a_published_version_stays_as_it_is(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build() == sign("k1", "k2") == publish() == ExitCode.OK
    before = offered(here).verify("1.1.0").digest
    (here / "files" / "shop" / "app.py").write_text("print('other')\n")
    assert build(out="other") == sign("k1", "k2", out="other") == ExitCode.OK
    assert publish("other") == ExitCode.REFUSED
    err = capsys.readouterr().err
    assert "release 1.1.0 is published already, with other bytes" in err
    assert "changed: nothing changed" in err
    assert offered(here).verify("1.1.0").digest == before


def test_the_index_takes_the_same_way(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["release", "index", "--oldest-sequence", "100", "--out", "index"]) == ExitCode.OK
    assert sign("k1", "k3", out="index") == verify(2, "index") == publish("index") == ExitCode.OK
    assert offered(here).index().oldest_sequence == 100
    assert main(["release", "index", "--oldest-sequence", "99", "--out", "looser"]) == ExitCode.OK
    assert sign("k1", "k3", out="looser") == ExitCode.OK
    assert publish("looser") == ExitCode.REFUSED
    assert "allows sequence 99" in capsys.readouterr().err
    assert main(["release", "index", "--oldest-sequence", "1", "--veto", "1.0.0", "--out", "x"]) == ExitCode.REFUSED


def test_a_key_from_the_environment(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pem = (here / "keys" / "k1.pem").read_text()
    monkeypatch.setenv("KEY_ONE", pem)
    assert build() == ExitCode.OK
    assert main(["release", "sign", "bundle", "--key-env", "k1=KEY_ONE", "--key", "keys/k2.pem"]) == ExitCode.OK
    assert verify() == ExitCode.OK
    assert main(["release", "sign", "bundle", "--key-env", "k1=KEY_TWO"]) == ExitCode.REFUSED
    monkeypatch.setenv("KEY_TWO", pem.replace("M", "Q", 1))
    assert main(["release", "sign", "bundle", "--key-env", "k1=KEY_TWO"]) == ExitCode.REFUSED
    told = "".join(capsys.readouterr())
    assert "KEY_TWO is empty or not set" in told
    assert "KEY_TWO holds no private ed25519 key" in told
    assert pem.splitlines()[1] not in told, "a key is never shown"


def test_a_private_key_is_private_and_never_written_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = here / "keys" / "k1.pem"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    assert main(["release", "keygen", "k1", "--out", "keys"]) == ExitCode.REFUSED
    assert main(["release", "keygen", "../k9", "--out", "keys"]) == ExitCode.REFUSED
    assert path.read_bytes() == before
    assert "there is a key at" in capsys.readouterr().err


def test_what_no_release_may_hold(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "files" / "shop" / "__pycache__").mkdir()
    (here / "files" / "shop" / "__pycache__" / "app.pyc").write_bytes(b"left out")
    assert build() == ExitCode.OK
    assert "1 files" in capsys.readouterr().out
    (here / "files" / "link").symlink_to("/etc/hostname")
    assert build(out="linked") == ExitCode.REFUSED
    assert "link is no plain file" in capsys.readouterr().err
    (here / "files" / "link").unlink()
    for wrong in ("..", "1/2", ""):
        assert build(wrong, out="wrong") == ExitCode.REFUSED
    assert build("1.2.0", "--secret", "token", out="wrong") == ExitCode.REFUSED
    assert build("1.2.0", "--secret", "Token=v1", out="wrong") == ExitCode.REFUSED
    assert build("1.2.0", "--config", "nosuch.json", out="wrong") == ExitCode.REFUSED
    assert not (here / "wrong").exists()


def test_a_release_of_another_service_is_not_published(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = ["--version", "1.1.0", "--sequence", "101", "--command", COMMAND, "--out", "bundle"]
    assert main(["release", "build", "files", "--service", "basket", *wanted]) == ExitCode.OK
    assert sign("k1", "k2") == ExitCode.OK
    assert publish() == ExitCode.REFUSED
    assert "holds a release of 'basket', not of 'shop'" in capsys.readouterr().err


def test_scripts_get_one_json_value(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert build("1.1.0", "--json") == ExitCode.OK
    made = json.loads(capsys.readouterr().out)
    assert sign("k1", "k2") == ExitCode.OK
    capsys.readouterr()
    assert verify(2, "bundle", "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["digest"] == made["digest"]


def test_a_component_is_named_by_its_files(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert build("1.1.0", "--component", "window=shop/", "--json") == ExitCode.OK
    assert list(json.loads(capsys.readouterr().out)["components"]) == ["window"]
    assert build("1.1.1", "--component", "window=shop/nothing.py", out="other") == ExitCode.REFUSED
    assert "no file of the release is 'shop/nothing.py'" in capsys.readouterr().err
