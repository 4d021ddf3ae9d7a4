"""``python -m lab.cache --port 5301 --origin 127.0.0.1:8080 --keep DIRECTORY``: a cache before the edge, in the third
place, as anybody would put one there. It keeps what the shop lets it keep, for as long, and knows of no release.

``GET`` hands out what is kept, or asks the origin; ``PURGE`` forgets a path. What is kept lies in files, so that it is
there again when the cache starts anew, and is read for each request.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import json
import re
import shutil
import time
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from lab.ports import ADDRESS

SECONDS = 5.0  # for the origin to answer
_KEPT = ("content-type", "cache-control", "x-release", "x-release-digest")
_MAX_AGE = re.compile(r"(?:^|[,\s])max-age=(\d{1,9})(?:$|[,\s])")


@dataclass(frozen=True)
class Answer:
    """``body``: base64. ``until``: epoch seconds until it may be handed out again; 0 if it may not be."""

    status: int
    headers: dict[str, str]
    body: str
    until: float


class Kept:
    """What a cache keeps, by path."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, path: str) -> Answer | None:
        """What may still be handed out; None if there is nothing, or nothing that can be read."""
        with contextlib.suppress(OSError, ValueError, TypeError):
            answer = Answer(**json.loads(self._file(path).read_text()))
            return answer if answer.until > time.time() else None
        return None

    def put(self, path: str, answer: Answer) -> None:
        """Renamed into place: another request never reads half of it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        new = self._file(path).with_suffix(f".{time.monotonic_ns()}")
        new.write_text(json.dumps(asdict(answer)))
        new.replace(self._file(path))

    def forget(self, path: str) -> bool:
        """Whether there was anything."""
        try:
            self._file(path).unlink()
        except FileNotFoundError:
            return False
        return True

    def forget_all(self) -> None:
        shutil.rmtree(self._directory, ignore_errors=True)

    def _file(self, path: str) -> Path:
        return self._directory / f"{quote(path, safe='')}.json"


def fetch(origin: str, path: str) -> Answer:
    """As the origin answers now. Raises OSError and ``http.client.HTTPException``."""
    with contextlib.closing(http.client.HTTPConnection(origin, timeout=SECONDS)) as connection:
        connection.request("GET", path)
        found = connection.getresponse()
        body = base64.b64encode(found.read()).decode()
        headers = {name: value for name in _KEPT if (value := found.getheader(name))}
        return Answer(found.status, headers, body, _until(found.status, headers.get("cache-control", "")))


def _until(status: int, said: str) -> float:
    """RFC 9111 as far as a shop needs it: a success that is public and says for how many seconds."""
    age = _MAX_AGE.search(said)
    return time.time() + int(age[1]) if status == http.client.OK and "public" in said and age else 0.0


def handler(kept: Kept, origin: str) -> type[BaseHTTPRequestHandler]:
    """Who answers over HTTP."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60
        wbufsize = -1  # an answer leaves in one piece

        def do_GET(self) -> None:
            answer = kept.get(self.path)
            if answer is None:
                try:
                    answer = fetch(origin, self.path)
                except (OSError, http.client.HTTPException):
                    self._say(Answer(502, {}, "", 0.0), "miss")
                    return
                if answer.until:
                    kept.put(self.path, answer)
                self._say(answer, "miss")
                return
            self._say(answer, "hit")

        def do_PURGE(self) -> None:
            self._say(Answer(200 if kept.forget(self.path) else 404, {}, "", 0.0), "purged")

        def _say(self, answer: Answer, how: str) -> None:
            body = base64.b64decode(answer.body)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "x-cache": how, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            return

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description="A cache before the edge.")
    parser.add_argument("--port", type=int, required=True, help="0: any; the first line says which")
    parser.add_argument("--origin", required=True, help="host:port")
    parser.add_argument("--keep", type=Path, required=True, help="directory")
    args = parser.parse_args()
    ThreadingHTTPServer.daemon_threads = True
    server = ThreadingHTTPServer((ADDRESS, args.port), handler(Kept(args.keep), args.origin))
    print(f"listening on {ADDRESS} {server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
