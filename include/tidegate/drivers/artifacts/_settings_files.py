"""A release's configuration, its list of secrets and its flags, as files of its archive.

Since they are files, the release's digest covers them: a release that is configured anew, or that is given a newer
secret, is another release, with a version, a sequence and a digest of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from tidegate.drivers.artifacts._archive import sha256
from tidegate.model.canonical import canonical
from tidegate.model.flags import is_key

CONFIG = "config.json"  # the configuration document, at the root of the archive
SECRETS = "secrets.json"  # {name: version}, canonical JSON; no values
FLAGS = "flags.json"  # {key: whether it is on where nothing decides}, canonical JSON
_WORDS = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")  # no capitals: environments have them all in capitals
_VERSION = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_LONGEST = 64


class UnfitSettingsError(ValueError):
    """A configuration, a list of secrets or flags that no release may have; says what is wrong with it."""


def settings_files(
    configuration: bytes | None, secrets: Mapping[str, str], flags: Mapping[str, bool] | None = None
) -> dict[str, bytes]:
    """The files to put into an archive. Raises :class:`UnfitSettingsError`."""
    files: dict[str, bytes] = {}
    if configuration is not None:
        check_configuration(configuration)
        files[CONFIG] = configuration
    if secrets:
        check_secrets(secrets)
        files[SECRETS] = canonical(dict(secrets))
    if flags:
        check_flags(flags)
        files[FLAGS] = canonical(dict(flags))
    return files


def check_configuration(document: bytes) -> None:
    """Raises :class:`UnfitSettingsError` unless it is a JSON object."""
    try:
        value = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise UnfitSettingsError(f"the configuration is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise UnfitSettingsError("the configuration is no JSON object")


def check_secrets(secrets: Mapping[str, str]) -> None:
    """Raises :class:`UnfitSettingsError` for a name or a version that a vault's entry could not be called by."""
    for name, version in secrets.items():
        if not _WORDS.fullmatch(name) or len(name) > _LONGEST:
            raise UnfitSettingsError(f"{name!r} is no secret's name (a-z, 0-9, single underscores; begins with a-z)")
        if not _VERSION.fullmatch(version) or len(version) > _LONGEST:
            raise UnfitSettingsError(f"{version!r} is no version of secret {name!r} (a-z, 0-9, single underscores)")


def check_flags(flags: Mapping[str, bool]) -> None:
    """Raises :class:`UnfitSettingsError` for a key that no source of flags could hold."""
    for key in flags:
        if not is_key(key):
            raise UnfitSettingsError(f"{key!r} is no flag's key (a-z, 0-9, underscores; begins with a-z)")


def configuration_digest(document: bytes | None) -> str:
    """``sha256:`` + hex of the document as it stands; "" if there is none."""
    return f"sha256:{sha256(document)}" if document is not None else ""
