"""``python -m lab.agent CONFIG``: answers what :mod:`tidegate.drivers.faults.agent` and ``load.agent`` ask.

CONFIG: ``{"home", "service", "airflow", "port", "token"}``: the lab that is broken and what its shop is called, the one
whose Airflow is, where it listens.
"""

from __future__ import annotations

import hmac
import json
import sys
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from lab.agent.breaking import Breaking
from lab.agent.keeping import Keeping
from lab.agent.visitors import Visitors
from lab.answering import AnswersInJson
from lab.estate import Lab
from lab.places import Places
from lab.ports import ADDRESS
from tidegate.drivers.faults.contract import Fault
from tidegate.drivers.load.contract import LoadProfile
from tidegate.errors import NotSettled, Refused, TidegateError

Answer = dict[str, Any]
Verb = Callable[[list[str], Mapping[str, str], Answer], Answer]


class Agent:
    """Which question has which answer."""

    def __init__(self, faults: Keeping, visitors: Visitors) -> None:
        self._faults, self._visitors = faults, visitors

    def get(self, path: list[str], query: Mapping[str, str], body: Answer) -> Answer:
        if path == ["faults"]:
            return self._faults.told()
        if path == ["loads"]:
            return {"running": self._visitors.running()}
        if len(path) == 2 and path[0] == "loads":
            return {"ready": self._visitors.ready(path[1])}
        if len(path) == 3 and path[0] == "loads" and path[2] == "seen":
            return self._visitors.seen(path[1], float(query["since"]), float(query["until"]))
        raise Refused(f"nothing is at /{'/'.join(path)}")

    def put(self, path: list[str], query: Mapping[str, str], body: Answer) -> Answer:
        if len(path) == 2 and path[0] == "faults":
            return self._faults.inject(path[1], Fault.from_json(body), float(body["lasts"]))
        if len(path) == 2 and path[0] == "loads":
            self._visitors.start(path[1], LoadProfile.from_json(body), float(body["lasts"]))
            return {}
        raise Refused(f"nothing is at /{'/'.join(path)}")

    def delete(self, path: list[str], query: Mapping[str, str], body: Answer) -> Answer:
        if len(path) == 2 and path[0] == "faults":
            self._faults.lift(path[1])
        elif len(path) == 2 and path[0] == "loads":
            self._visitors.stop(path[1])
        else:
            raise Refused(f"nothing is at /{'/'.join(path)}")
        return {}


def handler(agent: Agent, token: str) -> type[BaseHTTPRequestHandler]:
    """Who answers over HTTP."""

    class Handler(AnswersInJson, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._do(agent.get)

        def do_PUT(self) -> None:
            self._do(agent.put)

        def do_DELETE(self) -> None:
            self._do(agent.delete)

        def _do(self, verb: Verb) -> None:
            shown = self.headers.get("authorization") or ""
            if not hmac.compare_digest(shown.encode(), f"Bearer {token}".encode()):
                return self.answer(401, {"error": "no such token"})
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            return self.answer(*answered(verb, self.path, body))

    return Handler


def answered(verb: Verb, asked: str, body: bytes) -> tuple[int, Answer]:
    """Status and body."""
    parts = urlsplit(asked)
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    path = [unquote(part) for part in parts.path.split("/") if part]
    try:
        return 200, verb(path, query, json.loads(body or b"{}"))
    except Refused as error:
        return 409, {"error": error.message}
    except NotSettled as error:
        return 503, {"error": error.message}
    except (KeyError, ValueError, TypeError) as error:
        return 422, {"error": f"not understood: {error!r}"}
    except TidegateError as error:
        return 500, {"error": error.message}


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    lab = Lab(Places(Path(config["home"])), service=config["service"])
    airflow = Lab(Places(Path(config["airflow"])))
    keeping = Keeping(Breaking(lab, airflow).kinds, lab.places.lab / "agent" / "faults.json")
    threading.Thread(target=keeping.take_back_in_time, daemon=True).start()
    agent = Agent(keeping, Visitors(lab, lab.places.lab / "agent" / "loads"))
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer((ADDRESS, config["port"]), handler(agent, config["token"])).serve_forever()


if __name__ == "__main__":
    main()
