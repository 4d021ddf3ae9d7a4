"""A small authoritative name server: answers by UDP from a zone file, which it reads again for every question.

``python -m lab.name_server --port 5300 --zone shop.test.zone --origin shop.test [--routes routes.yaml]``

With ``--routes`` a name that has no row of its own follows the traffic: ``www`` is led where the rows of ``east.www``
and ``west.www`` lead, as far as the router gives that region any of it. A row for ``www`` itself, by hand, wins.
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
import dns.rrset
import dns.zone

from lab.ports import ADDRESS
from tidegate.drivers.traffic._envoy_file import read


class Zone:
    """A zone as its file has it now. A file that cannot be read answers for nothing."""

    def __init__(self, file: Path, origin: str, routes: Path | None = None) -> None:
        self._file, self._origin, self._routes = file, dns.name.from_text(origin), routes

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
        if zone.get_node(question.name) is not None:
            found = [zone.get_rrset(question.name, question.rdtype)]
        else:
            led = {name: zone.get_node(name) for name in self._regional(question.name)}
            found = [_as(question, zone.get_rrset(name, question.rdtype)) for name, node in led.items() if node]
            if not any(led.values()):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        for rows in filter(None, found):
            whole = answer.find_rrset(answer.answer, question.name, rows.rdclass, rows.rdtype, create=True)
            for row in rows:
                whole.add(row, rows.ttl)
        return answer

    def _regional(self, name: dns.name.Name) -> list[dns.name.Name]:
        """The names in the regions that take traffic; none while nobody can say which do."""
        written = read(self._routes) if self._routes else None
        split = written.routed.split if written else None
        regions = {arm.region for arm, weight in split.weights if weight} if split else ()
        return [dns.name.from_text(region, name) for region in sorted(regions)]


def _as(question: dns.rrset.RRset, rows: dns.rrset.RRset | None) -> dns.rrset.RRset | None:
    """The same rows under the name that was asked for."""
    return dns.rrset.from_rdata_list(question.name, rows.ttl, list(rows)) if rows else None


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
    parser.add_argument("--routes", type=Path)
    given = parser.parse_args()
    Handler.zone = Zone(given.zone, given.origin, given.routes)
    with socketserver.ThreadingUDPServer((ADDRESS, given.port), Handler) as server:
        print(f"answers for {given.origin} on port {server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
