"""Signatures of the witness: ed25519 over the canonical JSON of a record, under a prefix of its own."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tidegate.errors import Refused
from tidegate.journal.model import SignedHead
from tidegate.model.canonical import canonical

_PREFIX = b"tidegate-witness-v1\n"  # a signature made for anything else does not pass here


class PublicKey:
    """Half of the witness's key that everybody may have."""

    def __init__(self, pem: bytes) -> None:
        try:
            key = serialization.load_pem_public_key(pem)
        except ValueError as error:
            raise Refused(f"not a public key in PEM: {error}") from None
        if not isinstance(key, Ed25519PublicKey):
            raise Refused("the witness's key is not an ed25519 key")
        self.pem = pem
        self._key = key
        self.key_id = hashlib.sha256(key.public_bytes_raw()).hexdigest()

    def signed(self, record: Mapping[str, Any]) -> bool:
        """Whether ``record``, with its ``key_id`` and ``signature``, was signed with this key."""
        content = {name: value for name, value in record.items() if name != "signature"}
        try:
            self._key.verify(bytes.fromhex(record["signature"]), _PREFIX + canonical(content))
        except (InvalidSignature, ValueError, KeyError, TypeError):
            return False
        return True


class SigningKey:
    """The witness's key. It is in one file, mode 0600, and in no other place."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        public = private.public_key()
        encoding, kind = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        self.public = PublicKey(public.public_bytes(encoding, kind))

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key, in memory only."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """The record with ``key_id`` and ``signature``."""
        content = {**record, "key_id": self.public.key_id}
        return {**content, "signature": self._private.sign(_PREFIX + canonical(content)).hex()}

    def sign_head(self, head: SignedHead) -> SignedHead:
        return replace(head, **_only(self.sign(head_content(head)), ("key_id", "signature")))


def head_content(head: SignedHead) -> dict[str, Any]:
    """What is signed of a head, but for the key's id."""
    return {"type": "head", **{k: v for k, v in asdict(head).items() if k not in ("key_id", "signature")}}


def head_line(head: SignedHead) -> str:
    """One line of the store: canonical JSON."""
    return canonical({**head_content(head), "key_id": head.key_id, "signature": head.signature}).decode()


def parse_head(line: str) -> SignedHead:
    """Inverse of :func:`head_line`. Raises ValueError for anything else."""
    try:
        value = json.loads(line)
        if value.pop("type") != "head":
            raise ValueError("not a head")
        head = SignedHead(**value)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a signed head: {error}") from None
    numbers = (type(head.seq), type(head.epoch), type(head.at))
    if numbers != (int, int, float):
        raise ValueError("not a signed head: a number is not one")
    if head_line(head) != line:
        raise ValueError("not a signed head: not canonical")
    return head


def line_digest(line: str) -> str:
    """What the next record of the same stream says of this one."""
    return hashlib.sha256(line.encode()).hexdigest()


def load_or_create(path: Path) -> SigningKey:
    """The key in ``path``, made there if there is none. Refuses a file that others can read."""
    if not path.exists():
        _create(path)
    mode = path.stat().st_mode
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise Refused(
            f"the signing key {path} can be used by others (mode {stat.S_IMODE(mode):04o})",
            next_step=f"chmod 600 {path}, and take a new key if anybody may have read it",
        )
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise Refused(f"{path} is not an ed25519 key")
    return SigningKey(key)


def _create(path: Path) -> None:
    private = Ed25519PrivateKey.generate()
    text = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)


def _only(value: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value[name] for name in names}
