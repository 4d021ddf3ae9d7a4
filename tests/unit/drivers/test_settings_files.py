"""Configuration and the list of secrets are files of the release, so that its digest covers them."""

from __future__ import annotations

import json

import pytest

from tidegate.drivers.artifacts._archive import unpack
from tidegate.drivers.artifacts._manifest import Details, build, read_manifest
from tidegate.drivers.artifacts._settings_files import UnfitSettingsError
from tidegate.errors import Rejected
from tidegate.model.binding import release_from_json, release_to_json
from tidegate.model.release import Release, SecretVersion

FILES = {"shop/app.py": b"print()"}
CONFIGURATION = b'{"greeting": "hello"}'


def details(**changes: object) -> Details:
    return Details("shop", "1.0.0", 1, ("run",), **changes)  # type: ignore[arg-type]


def test_a_release_says_how_it_is_configured_and_which_secrets_it_takes() -> None:
    built = build(details(configuration=CONFIGURATION, secrets={"receipt_key": "2"}), FILES)
    release = built.manifest.release()

    assert unpack(built.archive) == {**FILES, "config.json": CONFIGURATION, "secrets.json": b'{"receipt_key":"2"}'}
    assert release.configuration == "sha256:" + built.manifest.files["config.json"]
    assert release.secrets == (SecretVersion("receipt_key", "2"),)
    assert read_manifest(built.manifest.model_dump(mode="json"), "1.0.0", "here") == built.manifest
    assert release_from_json(json.loads(json.dumps(release_to_json(release)))) == release


def test_flags_are_a_file_of_the_release_too() -> None:
    built = build(details(flags={"new_basket": False, "old": True}), FILES)
    release = built.manifest.release()
    assert unpack(built.archive)["flags.json"] == b'{"new_basket":false,"old":true}'
    assert (release.flags, release.flag_defaults) == (("new_basket", "old"), {"new_basket": False, "old": True})
    assert read_manifest(built.manifest.model_dump(mode="json"), "1.0.0", "here") == built.manifest
    assert release_from_json(json.loads(json.dumps(release_to_json(release)))) == release


def test_a_list_of_flags_as_manifests_had_it_is_read_as_all_off() -> None:
    payload = {**build(details(), FILES).manifest.model_dump(mode="json"), "flags": ["new_basket"]}
    assert read_manifest(payload, "1.0.0", "here").release().flag_defaults == {"new_basket": False}


def test_configured_anew_it_is_another_release() -> None:
    plain = build(details(), FILES).manifest
    configured = build(details(configuration=CONFIGURATION), FILES).manifest
    rotated = [build(details(secrets={"receipt_key": version}), FILES).manifest for version in ("1", "2")]
    assert len({m.digest for m in (plain, configured, *rotated)}) == 4


def test_what_was_written_before_there_were_any_is_still_read() -> None:
    payload = build(details(), FILES).manifest.model_dump(mode="json")
    del payload["configuration"], payload["secrets"]
    release = read_manifest(payload, "1.0.0", "here").release()
    assert (release.configuration, release.secrets, release.secrets_digest) == ("", (), "")
    old_row = {"version": "1.0.0", "digest": release.digest, "sequence": 1, "schema_revision": "", "flags": []}
    assert release_from_json(old_row) == release == Release("1.0.0", release.digest, 1)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"configuration": "sha256:" + "0" * 64}, "config.json is sha256:"),
        ({"secrets": {"receipt_key": "3"}}, "not what secrets.json holds"),
        ({"secrets": {"receipt__key": "2"}}, "no secret's name"),
        ({"flags": {"new_basket": False}}, "not what flags.json holds"),
        ({"flags": ["New Basket"]}, "no flag's key"),
    ],
)
def test_a_manifest_that_says_more_than_its_files_is_rejected(change: dict[str, object], why: str) -> None:
    built = build(details(configuration=CONFIGURATION, secrets={"receipt_key": "2"}), FILES)
    with pytest.raises(Rejected, match=why):
        read_manifest({**built.manifest.model_dump(mode="json"), **change}, "1.0.0", "here")


@pytest.mark.parametrize(
    "wrong",
    [
        {"configuration": b"greeting: hello"},
        {"configuration": b"[1]"},
        {"secrets": {"Key": "1"}},
        {"secrets": {"a__b": "1"}},
        {"secrets": {"key_": "1"}},
        {"secrets": {"key": ""}},
        {"secrets": {"key": "1.0"}},
        {"secrets": {"key": "v__2"}},
        {"secrets": {"k" * 65: "1"}},
        {"flags": {"New": False}},
        {"flags": {"a=b": False}},
    ],
)
def test_what_no_vault_or_reader_could_take_is_not_built(wrong: dict[str, object]) -> None:
    with pytest.raises(UnfitSettingsError):
        build(details(**wrong), FILES)


def test_files_that_the_build_would_overwrite_are_not_built() -> None:
    with pytest.raises(UnfitSettingsError, match=r"config\.json"):
        build(details(configuration=CONFIGURATION), {**FILES, "config.json": b"{}"})
