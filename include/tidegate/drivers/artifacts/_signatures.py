"""DSSE envelopes with m-of-n signatures: the only authority over what a release is.

An envelope is JSON: ``{"payload": base64, "payloadType": …, "signatures": [{"keyid", "sig"}]}``. The payload type is
signed too, so that an index never passes for a release.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import Refused, Rejected
from tidegate.model.canonical import canonical

RELEASE_TYPE = "application/vnd.tidegate.release+json"
INDEX_TYPE = "application/vnd.tidegate.index+json"


class TooFewKeysError(Refused):
    """Fewer different keys are trusted than have to sign."""


@dataclass(frozen=True)
class Trust:
    """Public keys by key id, as securesystemslib's key JSON, and how many different ones must have signed."""

    keys: Mapping[str, Mapping[str, Any]]
    threshold: int

    def __post_init__(self) -> None:
        different = {json.dumps(key["keyval"], sort_keys=True) for key in self.keys.values()}
        if len(different) < self.threshold:
            raise TooFewKeysError(
                f"{len(different)} different public keys are trusted ({', '.join(sorted(self.keys)) or 'none'}), "
                f"but {self.threshold} signatures are asked for",
                next_step="add the missing *.pub.json files, or lower the threshold in the policy",
            )


@dataclass(frozen=True)
class SigningKey:
    """A private ed25519 key (PEM, PKCS #8) and its id. Never printed."""

    keyid: str
    pem: bytes = field(repr=False)

    def signer(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from securesystemslib.signer import CryptoSigner, SSlibKey

        private = load_pem_private_key(self.pem, None)
        return CryptoSigner(private, SSlibKey.from_crypto(private.public_key(), self.keyid, "ed25519"))

    def public(self) -> dict[str, Any]:
        """The public half, as it stands in ``<keyid>.pub.json``."""
        key: dict[str, Any] = self.signer().public_key.to_dict()
        return {"keyid": self.keyid, **key}


def new_key(keyid: str) -> SigningKey:
    from securesystemslib.signer import CryptoSigner

    return SigningKey(keyid, CryptoSigner.generate_ed25519(keyid).private_bytes)


def sign(payload: Mapping[str, Any], payload_type: str, keys: Iterable[SigningKey]) -> bytes:
    """The envelope over the canonical ``payload``. ed25519 is deterministic: the same call gives the same bytes."""
    from securesystemslib.dsse import Envelope

    envelope = Envelope(canonical(payload), payload_type, {})
    for key in keys:
        envelope.sign(key.signer())
    return canonical(envelope.to_dict()) + b"\n"


def add_signatures(data: bytes, payload_type: str, keys: Iterable[SigningKey], what: str) -> bytes:
    """The envelope with these signatures as well; one that a key id gave before is replaced. In the order of key ids,
    so that it does not matter who signed first."""
    from securesystemslib.dsse import Envelope

    payload, found_type, signatures = _parse(data, what)
    _expect(found_type, payload_type, what)
    envelope = Envelope(payload, found_type, {})
    for key in keys:
        envelope.sign(key.signer())
    kept = {keyid: {"keyid": keyid, "sig": _b64(bytes.fromhex(sig))} for keyid, sig in signatures}
    made = envelope.to_dict()
    new = {signature["keyid"]: signature for signature in made["signatures"]}
    made["signatures"] = [signature for _, signature in sorted({**kept, **new}.items())]
    return canonical(made) + b"\n"


def signers(data: bytes, what: str) -> tuple[str, ...]:
    """The key ids that an envelope names; nothing about them has been verified."""
    return tuple(keyid for keyid, _ in _parse(data, what)[2])


def payload_type(data: bytes, what: str) -> str:
    """What an envelope says that it holds; not verified."""
    return _parse(data, what)[1]


def open_envelope(data: bytes, payload_type: str, trust: Trust, what: str) -> dict[str, Any]:
    """The signed payload. Raises :class:`Rejected`, which says of each signature why it does not count.

    A key counts once, however often it signs and whatever ids it goes by.
    """
    from securesystemslib.dsse import Envelope

    payload, found_type, signatures = _parse(data, what)
    _expect(found_type, payload_type, what)
    signed = Envelope(payload, found_type, {}).pae()
    valid: set[str] = set()
    faults: list[str] = []
    for keyid, signature in signatures:
        fault = _fault(keyid, signature, signed, trust)
        if fault:
            faults.append(fault)
        else:
            valid.add(json.dumps(trust.keys[keyid]["keyval"], sort_keys=True))
    if len(valid) < trust.threshold:
        detail = f": {'; '.join(faults)}" if faults else ""
        known = ", ".join(sorted(trust.keys))
        raise Rejected(
            f"{what}: {len(valid)} valid signatures, {trust.threshold} needed from {known}{detail}",
            next_step="publish it again, signed by enough trusted keys",
        )
    return _object(payload, what)


def _expect(found_type: str, payload_type: str, what: str) -> None:
    if found_type != payload_type:
        raise Rejected(f"{what}: is signed as {found_type!r}, expected {payload_type!r}")


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _parse(data: bytes, what: str) -> tuple[bytes, str, list[tuple[str, str]]]:
    try:
        envelope = json.loads(data)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [
            (str(s["keyid"]), base64.b64decode(s["sig"], validate=True).hex()) for s in envelope["signatures"][:100]
        ]
        return payload, str(envelope["payloadType"]), signatures
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, RecursionError) as error:
        raise Rejected(f"{what}: is no DSSE envelope ({type(error).__name__}: {error})") from error


def _fault(keyid: str, signature: str, signed: bytes, trust: Trust) -> str | None:
    """Why this signature does not count, None if it does."""
    from securesystemslib.exceptions import UnverifiedSignatureError
    from securesystemslib.signer import Key, Signature

    if keyid not in trust.keys:
        return f"key {keyid!r} is not trusted"
    fields = {name: value for name, value in trust.keys[keyid].items() if name != "keyid"}
    try:
        Key.from_dict(keyid, fields).verify_signature(Signature(keyid, signature), signed)
    except UnverifiedSignatureError:
        return f"the signature by {keyid!r} does not match"
    except (ValueError, KeyError, TypeError) as error:
        raise Refused(f"the trusted public key {keyid!r} cannot be used: {error}") from error
    return None


def _object(payload: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise Rejected(f"{what}: the signed payload is no JSON: {error}") from error
    if not isinstance(value, dict):
        raise Rejected(f"{what}: the signed payload is no JSON object")
    return value
