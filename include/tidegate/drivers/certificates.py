"""How long the certificates of TLS endpoints last, as a client that verifies them meets them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
from dataclasses import dataclass

from tidegate.drivers.credentials import Credential
from tidegate.errors import Rejected, Unreachable

SECONDS = 5.0
_PORTS = {"https": 443, "wss": 443}
_POSTGRES = ("postgres", "postgresql")
_VERIFIED = ("verify-ca", "verify-full")
_SSL_REQUEST = struct.pack("!ii", 8, 80877103)  # PostgreSQL's question whether it speaks TLS


def uses_tls(credential: Credential) -> bool:
    """Whether the connection verifies a certificate: ``https``, or a database with ``sslmode`` verify-ca or -full."""
    return credential.scheme in ("https", "wss") or str(credential.extra.get("sslmode", "")) in _VERIFIED


@dataclass(frozen=True)
class Lasting:
    """``until``: epoch seconds."""

    address: str
    until: float


def certificate(credential: Credential) -> Lasting:
    """The certificate that the endpoint shows. ``sslrootcert`` or ``cafile`` among the extras: whom it has to be signed
    by; the system's own authorities if left out. Raises ``Rejected`` if it is not good (expired, of another name, of a
    stranger), ``Unreachable``."""
    extra = credential.extra
    try:
        context = ssl.create_default_context(cafile=extra.get("sslrootcert") or extra.get("cafile") or None)
        context.check_hostname = extra.get("sslmode") != "verify-ca"
        shown = _shown(credential, context)
    except ssl.SSLCertVerificationError as wrong:
        raise Rejected(
            f"the certificate of {credential.address} is not good: {wrong.verify_message}", next_step="renew it"
        ) from None
    except OSError as wrong:
        why = f"{credential.address} shows no certificate ({type(wrong).__name__})"
        raise Unreachable(why, next_step=f"see that it runs, and what conn://{credential.name} names") from None
    return Lasting(credential.address, ssl.cert_time_to_seconds(str(shown["notAfter"])))


def _shown(credential: Credential, context: ssl.SSLContext) -> dict[str, object]:
    where = (credential.host, credential.port or _PORTS.get(credential.scheme, 5432))
    with contextlib.closing(socket.create_connection(where, timeout=SECONDS)) as plain:
        if credential.scheme in _POSTGRES:
            plain.sendall(_SSL_REQUEST)
            if plain.recv(1) != b"S":
                raise ConnectionError("it does not speak TLS")
        with context.wrap_socket(plain, server_hostname=credential.host) as secured:
            return dict(secured.getpeercert() or {})
