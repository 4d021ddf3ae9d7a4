"""Real shop processes on a real PostgreSQL, for tests."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx

from lab import releases, schema
from lab.releases import RECIPES, shop_files
from tests.support.postgres import database, free_port
from tidegate.drivers.artifacts._settings_files import settings_files

REPOSITORY = Path(__file__).resolve().parents[2]


@contextmanager
def shop_database() -> Iterator[str]:
    """The URL of a fresh database with the shop's tables."""
    with database() as url:
        schema.create(url)
        yield url


def release_files(root: Path, version: str) -> Path:
    """A directory with the files of one of the lab's releases and its flags, unconfigured."""
    recipe = next(r for r in RECIPES if r.version == version)
    own = settings_files(None, {}, dict(recipe.flags))
    for name, content in {**shop_files(recipe), **own}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


@contextmanager
def shop_process(files: Path, url: str, **environment: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A shop running from ``files`` as its release's command says; base URL and process. Ended afterwards."""
    port = free_port()
    command = [part.format(python=sys.executable, port=port) for part in releases.COMMAND]
    settings = {"PATH": os.environ["PATH"], "SHOP_DB_URL": url, "SHOP_REGION": "east", "SHOP_SLOT": "a"}
    with ended(subprocess.Popen(command, cwd=files, env=settings | environment, start_new_session=True)) as process:
        base = f"http://127.0.0.1:{port}"
        wait_for(lambda: answers(f"{base}/_release"), f"{base} to answer", process)
        yield base, process


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """``process``, the leader of a group of its own, which is killed afterwards if anything of it still runs."""
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def answers(url: str) -> bool:
    """Whether ``url`` answers 200 now."""
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def wait_for(
    condition: Callable[[], bool], what: str, process: subprocess.Popen[bytes] | None = None, within: float = 60
) -> None:
    """Until ``condition`` holds; fails at once if ``process`` ends before."""
    deadline = time.monotonic() + within
    while not condition():
        assert process is None or process.poll() is None, (
            f"the process ended with {process.returncode}, waiting for {what}"
        )
        assert time.monotonic() < deadline, f"waited {within} s in vain for {what}"
        time.sleep(0.05)
