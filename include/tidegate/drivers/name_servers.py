"""Asking a name server itself, whichever it is: no cache of this machine's has a say."""

from __future__ import annotations

import socket

from tidegate.drivers.credentials import Credential
from tidegate.errors import Rejected, Unreachable

SECONDS = 3.0
PORT = 53


def addresses(server: Credential, name: str) -> frozenset[str]:
    """Every address that this server gives for ``name``, IPv4 and IPv6; none if it knows no such name. By UDP, and by
    TCP where an answer is too long for it. Raises ``Rejected`` if it refuses or fails, ``Unreachable``."""
    return frozenset(address for kind in ("A", "AAAA") for address in _ask(server, name, kind))


def _ask(server: Credential, name: str, kind: str) -> list[str]:
    import dns.exception
    import dns.message
    import dns.query
    import dns.rcode
    import dns.rdatatype

    query, port = dns.message.make_query(name, kind), server.port or PORT
    try:
        where = str(socket.getaddrinfo(server.host, port, type=socket.SOCK_DGRAM)[0][4][0])
        answer, _ = dns.query.udp_with_fallback(query, where, timeout=SECONDS, port=port)
    except (OSError, dns.exception.DNSException) as wrong:
        raise Unreachable(
            f"the name server at {server.host}:{port} does not answer ({type(wrong).__name__})",
            next_step=f"see that it runs, and what conn://{server.name} names",
        ) from None
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        said = dns.rcode.to_text(answer.rcode())
        raise Rejected(f"the name server at {server.host}:{port} says {said} of {name}", next_step="see its zone")
    wanted = dns.rdatatype.from_text(kind)
    return [record.address for rows in answer.answer if rows.rdtype == wanted for record in rows]
