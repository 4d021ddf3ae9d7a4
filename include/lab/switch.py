"""``python -m lab.switch CONFIG``: a power switch in the third place, outside what it switches.

``GET /outlets/NAME`` says ``{"outlet", "on", "processes"}``; ``PUT`` with ``{"on": false}`` or ``true`` switches, and
answers when it is done. Off: every process that hangs on the outlet is killed, stopped ones too, and none may start;
``"processes": 0`` with ``"on": false`` is proof of it, looked at anew each time. On: what the region runs by itself
comes back; its PostgreSQL waits for its supervisor to be told. Who asks shows the token, as ``Authorization: Bearer``.
"""

from __future__ import annotations

import hmac
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from lab import outlets, postgres_user, processes, state
from lab.answering import AnswersInJson
from lab.estate import Lab
from lab.outlets import Outlet
from lab.places import Places
from lab.ports import ADDRESS
from lab.power import start_region
from lab.processes import Session

OFF_WITHIN = 5.0  # seconds until a killed process is gone
_PREFIX = "/outlets/"


class Switch:
    """One switch. An outlet's mark on disk is what counts, so a switch that is started anew knows how it stood."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._data = postgres_user.data_directory(lab.places)
        self._one_at_a_time = threading.Lock()

    def state(self, outlet: Outlet) -> dict[str, Any]:
        return {"outlet": outlet.name, "on": outlet.is_on(self._data), "processes": self._left(outlet)}

    def turn(self, outlet: Outlet, on: bool) -> dict[str, Any]:
        with self._one_at_a_time:
            self._on(outlet) if on else self._off(outlet)
            return self.state(outlet)

    def _off(self, outlet: Outlet) -> None:
        """The mark first: what begins after it does not begin."""
        outlet.mark(self._data).touch()
        if outlet.whole and (session := self._session(outlet.region)) is not None:
            processes.kill(session)
            processes.reap(session.pid)
        self._kill_server(outlet.region)

    def _on(self, outlet: Outlet) -> None:
        outlet.mark(self._data).unlink(missing_ok=True)
        if outlet.whole:
            start_region(self._lab, outlet.region)

    def _kill_server(self, region: str) -> None:
        processes.kill_working_in(self._data / region, "postgres")
        with outlets.alone(region, self._data, OFF_WITHIN):
            return  # whether it could be had is asked again in the answer

    def _left(self, outlet: Outlet) -> int:
        """Processes that hang on the outlet. One that is just becoming PostgreSQL holds the lock, and counts."""
        session = self._session(outlet.region) if outlet.whole else None
        others = len(processes.members(session)) if session is not None else 0
        with outlets.alone(outlet.region, self._data, 0.0) as nobody:
            servers = len(processes.working_in(self._data / outlet.region, "postgres"))
            return others + (servers if nobody else max(1, servers))

    def _session(self, region: str) -> Session | None:
        found = state.load(self._lab.places.state)
        return None if found is None else found.sessions.get(region)


def handler(switch: Switch, token: str) -> type[BaseHTTPRequestHandler]:
    """Who answers over HTTP."""

    class Handler(AnswersInJson, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if outlet := self._outlet():
                self.answer(200, switch.state(outlet))

        def do_PUT(self) -> None:
            if outlet := self._outlet():
                asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
                self.answer(200, switch.turn(outlet, asked["on"] is True))

        def _outlet(self) -> Outlet | None:
            shown = self.headers.get("authorization") or ""
            if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
                self.answer(401, {"error": "no such token"})
                return None
            known = outlets.outlets()
            found = known.get(self.path.removeprefix(_PREFIX))
            if found is None:
                self.answer(404, {"error": f"outlets: {', '.join(known)}"})
            return found

    return Handler


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    switch = Switch(Lab(Places(Path(config["home"]))))
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((ADDRESS, config["port"]), handler(switch, config["token"])).serve_forever()


if __name__ == "__main__":
    main()
