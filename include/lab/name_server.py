"""A small authoritative name server: answers by UDP from a zone file, which it reads again whenever it has changed.

``python -m lab.name_server --port 5300 --zone shop.test.zone --origin shop.test``
"""

from __future__ import annotations

import argparse
import socketserver
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.zone

from lab.ports import ADDRESS


class Zone:
    """A zone as its file has it now. A file that cannot be read answers for nothing."""

    def __init__(self, file: Path, origin: str) -> None:
        self._file, self._origin = file, dns.name.from_text(origin)

    def answer(self, query: dns.message.Message) -> dns.message.Message:
        """What an authoritative server says: the rows, that there is no such name, or that it is not the one to ask."""
        answer = dns.message.make_response(query)
        question = query.question[0]
        try:
            zone = dns.zone.from_file(str(self._file), self._origin, relativize=False)
        except (OSError, dns.exception.DNSException):
            answer.set_rcode(dns.rcode.SERVFAIL)
            return answer
        if not question.name.is_subdomain(self._origin):
            answer.set_rcode(dns.rcode.REFUSED)
            return answer
        answer.flags |= dns.flags.AA
        rows = zone.get_rrset(question.name, question.rdtype)
        if rows is not None:
            answer.answer.append(rows)
        elif zone.get_node(question.name) is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer


class Handler(socketserver.BaseRequestHandler):
    """One datagram."""

    zone: Zone

    def handle(self) -> None:
        data, back = self.request
        try:
            query = dns.message.from_wire(data)
        except dns.exception.DNSException:
            return
        if query.question:
            back.sendto(self.zone.answer(query).to_wire(), self.client_address)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--zone", type=Path, required=True)
    parser.add_argument("--origin", required=True)
    given = parser.parse_args()
    Handler.zone = Zone(given.zone, given.origin)
    with socketserver.ThreadingUDPServer((ADDRESS, given.port), Handler) as server:
        print(f"answers for {given.origin} on port {server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
