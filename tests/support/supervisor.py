"""A real supervisord on a free loopback port, and tiny releases for it to run."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lab import regions as lab_regions
from tests.support.envoy import free_ports, wait_until
from tidegate.drivers.artifacts._settings_files import configuration_digest, settings_files
from tidegate.drivers.compute import supervisor
from tidegate.drivers.compute._slot import files_digest
from tidegate.drivers.credentials import Credential, parse_connection
from tidegate.drivers.site import Site
from tidegate.model.release import Release, SecretVersion

TINY = '''\
"""Says which files it was started from."""
import hashlib, hmac, http.server, json, os, pathlib, sys
ROOT = pathlib.Path(__file__).parent.parent
FILES = {p.relative_to(ROOT).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
         for p in ROOT.rglob("*") if p.is_file() and p.name not in ("manifest.json", "signatures.json")}
def sha(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
SEALED = os.environ.get("SHOP_SECRETS_FILE")
SECRETS = json.loads(pathlib.Path(SEALED).read_text()) if SEALED else {"versions": {}, "values": {}}
CONFIG = ROOT / "config.json"
SAID = {"version": (ROOT / "tiny" / "version").read_text(),
        "digest": sha(FILES),
        "secrets": sha(SECRETS["versions"]) if SECRETS["versions"] else "",
        "receipts": {n: hmac.new(v.encode(), b"order", "sha256").hexdigest() for n, v in SECRETS["values"].items()},
        "configuration": json.loads(CONFIG.read_text()) if CONFIG.exists() else {},
        "environment": {k: v for k, v in os.environ.items() if k.startswith(("SHOP_", "AIRFLOW_"))}}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps(SAID).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''


def tiny_release(
    root: Path,
    version: str,
    sequence: int = 1,
    *,
    configuration: bytes | None = None,
    secrets: Mapping[str, str] | None = None,
) -> tuple[Release, Path]:
    """A release of a few lines, with its directory as an artifact driver's ``fetch`` would give it."""
    directory = root / "fetched" / version
    (directory / "tiny").mkdir(parents=True)
    (directory / "tiny" / "__main__.py").write_text(TINY)
    (directory / "tiny" / "version").write_text(version)
    for name, content in settings_files(configuration, secrets or {}).items():
        (directory / name).write_bytes(content)
    taken = tuple(SecretVersion(*pair) for pair in sorted((secrets or {}).items()))
    (directory / "manifest.json").write_text(json.dumps({"command": ["{python}", "-m", "tiny", "{port}"]}))
    digest = files_digest(directory)
    return Release(version, digest, sequence, "", (), configuration_digest(configuration), taken), directory


@dataclass
class RealRegion:
    """A running supervisord for region ``east``. ``site`` resolves any connection to it."""

    region: lab_regions.Region
    site: Site
    ports: dict[str, list[int]]
    credential: Credential
    process: subprocess.Popen[bytes] = field(repr=False)

    def driver(self) -> supervisor.SupervisorCompute:
        settings = supervisor.Settings(slots="lab/slots", regions={"east": "conn://shop_east"}, stop_seconds=5)
        return supervisor.connect(settings, self.site)

    def pids(self) -> dict[str, int]:
        """Process id of every instance that supervisor runs."""
        found = supervisor.Supervisor(self.credential).processes("")
        return {name: process.pid for name, process in found.items() if process.pid}

    def spawned(self) -> int:
        """How many processes supervisor has started, by its own log."""
        return (self.region.home / "supervisord.log").read_text().count("spawned:")

    def stop(self) -> None:
        """As a person would: supervisord ends its instances and itself; by force if it takes too long."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@contextlib.contextmanager
def running(root: Path, slots: int = 3) -> Iterator[RealRegion]:
    """supervisord for east, with ``slots`` ports per slot and nothing in them."""
    port, *rest = free_ports(2 + 2 * slots)
    region = lab_regions.Region("east", root / "lab" / "east", port, "tidegate", "pass;word %h")
    conf = lab_regions.write(region)
    environment = root / "lab" / "east" / "environment.json"
    lab_regions.write_environment(environment, {"SHOP_SECRET": "not in any argv"})
    ports = {"a": rest[:slots], "b": rest[slots:-1], "p": rest[-1:]}
    raw = lab_regions.connection(region, ports, environment, root)
    credential = parse_connection("shop_east", raw)
    site = Site("shop", {"east": 10_000}, (), root, lambda _: credential)
    with (region.home / "out.log").open("wb") as out:
        process = subprocess.Popen(
            lab_regions.command(region),
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=os.environ | {"AIRFLOW_CONN_X": "a secret"},
        )
    real = RealRegion(region, site, ports, credential, process)
    try:
        wait_until(lambda: _answers(real), "answering: supervisord")
        yield real
    finally:
        real.stop()
    assert conf.stat().st_mode & 0o077 == 0


def _answers(real: RealRegion) -> bool:
    assert real.process.poll() is None, (real.region.home / "out.log").read_text()
    with contextlib.suppress(Exception):
        real.driver().ping("east")
        return True
    return False
