"""Private keys as files and environment variables; never on a command line, never printed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from tidegate.drivers.artifacts._signatures import SigningKey, new_key
from tidegate.drivers.artifacts.directory import KEY_SUFFIX
from tidegate.errors import Refused

PRIVATE_SUFFIX = ".pem"
KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def make_key(directory: Path, keyid: str) -> SigningKey:
    """A new private key ``<keyid>.pem`` that only its owner can read. Raises :class:`Refused` if there is one."""
    if not KEY_ID.fullmatch(keyid):
        raise Refused(f"{keyid!r} is no key id", next_step="letters, digits, dot, dash, underscore")
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path, key = directory / f"{keyid}{PRIVATE_SUFFIX}", new_key(keyid)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Refused(f"there is a key at {path} already", next_step="use it, or choose another key id") from None
    with os.fdopen(handle, "wb") as file:
        file.write(key.pem)
    return key


def key_from_file(path: Path) -> SigningKey:
    """The private key in ``<keyid>.pem``. Raises :class:`Refused` for anything else; never shows what it read."""
    try:
        return _checked(SigningKey(path.stem, path.read_bytes()), str(path))
    except OSError as error:
        raise Refused(f"the key {path} cannot be read: {error.strerror}", next_step="name its file by --key") from error


def key_from_environment(keyid: str, variable: str, environ: Mapping[str, str] | None = None) -> SigningKey:
    """The private key whose PEM text a CI system has put into an environment variable."""
    text = (os.environ if environ is None else environ).get(variable, "")
    if not text:
        raise Refused(
            f"the environment variable {variable} is empty or not set, so there is no key {keyid!r}",
            next_step=f"have the CI system put the key's PEM text into {variable}",
        )
    return _checked(SigningKey(keyid, text.encode()), f"the environment variable {variable}")


def public_text(key: SigningKey) -> bytes:
    """What ``<keyid>.pub.json`` holds."""
    return json.dumps(key.public(), indent=1).encode()


def policy_text(key: SigningKey) -> str:
    """The public half as a policy writes it, beside a person's name."""
    return f"ed25519:{key.public()['keyval']['public']}"


def write_public(directory: Path, key: SigningKey) -> Path:
    """The public half, for whoever verifies."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{key.keyid}{KEY_SUFFIX}"
    path.write_bytes(public_text(key))
    return path


def _checked(key: SigningKey, what: str) -> SigningKey:
    """Raises :class:`Refused` without the parser's own words, which may hold parts of the key."""
    try:
        key.signer()
    except Exception:  # parsers of keys raise many kinds; each means the same
        raise Refused(f"{what} holds no private ed25519 key in PEM", next_step="tidegate release keygen") from None
    return key
