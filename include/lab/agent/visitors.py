"""The lab's users, for drills: a bounded process each, and what they saw."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.estate import Lab
from lab.load import records
from lab.load.journal import entries
from lab.load.mix import weights
from lab.story.region_killed import back_after
from tidegate.drivers.load.contract import LoadProfile
from tidegate.errors import NotSettled, Refused
from tidegate.model.drill import Users

STOP_WITHIN = 30.0  # seconds
WARM = 5.0  # seconds that are looked at, whether the users are there
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}")


class Visitors:
    """``out``: where each run's record is kept, also after its users have gone."""

    def __init__(self, lab: Lab, out: Path) -> None:
        self._lab, self._out = lab, out
        self._lock = threading.Lock()
        self._runs: dict[str, tuple[subprocess.Popen[bytes], int]] = {}

    def start(self, which: str, profile: LoadProfile, lasts: float) -> None:
        with self._lock:
            if not _NAME.fullmatch(which):
                raise Refused(f"{which!r} is no name of a run")
            if which in self._runs:
                return
            try:
                weights(profile.mix)
            except ValueError as error:
                raise Refused(str(error)) from None
            directory = self._out / which
            directory.mkdir(parents=True, exist_ok=True)
            command = [
                sys.executable,
                "-m",
                "lab.load",
                "--host",
                self._lab.edge_address(),
                "--users",
                str(profile.sessions),
            ]
            command += ["--spawn-rate", "20", "--seconds", str(lasts), "--out", str(directory)]
            command += ["--rate", str(profile.rate), "--mix", json.dumps(dict(profile.mix))]
            with (directory / "load.log").open("wb") as log:
                process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - ours
            self._runs[which] = process, profile.sessions

    def ready(self, which: str) -> bool:
        """Whether the last seconds had half of the sessions at least. Raises :class:`NotSettled` if they have gone."""
        process, sessions = self._run(which)
        if process.poll() is not None:
            raise NotSettled(f"the users of {which} have gone")
        now = time.time() - records.SETTLE
        try:
            window = records.read(self._out / which, now - WARM, now)
        except FileNotFoundError:
            return False
        return (window.min_sessions or 0) >= sessions / 2 and (window.min_rps or 0) > 0

    def seen(self, which: str, since: float, until: float) -> dict[str, Any]:
        """What users saw of requests that began in the window, and what of it is not in the database."""
        self._run(which)
        directory = self._out / which
        window, requests = records.read(directory, since, until), entries(directory)[0]
        failed = sorted(r.ended for r in requests if r.bad and since <= r.at < until)
        users = Users(window.requests, window.failed, window.sessions_broken, self._lost(directory, since, until))
        return {
            "users": asdict(users),
            "first_failed": failed[0] if failed else None,
            "last_failed": failed[-1] if failed else None,
            "served_again": back_after(requests, since),
        }

    def running(self) -> list[str]:
        with self._lock:
            return sorted(which for which, (process, _) in self._runs.items() if process.poll() is None)

    def stop(self, which: str) -> None:
        if which not in self._runs:
            return
        process, _ = self._run(which)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _lost(self, directory: Path, since: float, until: float) -> int | None:
        """None while nobody takes writes: then it cannot be told."""
        import psycopg

        databases, secrets = self._lab.databases(), self._lab.site().secrets
        try:
            url = databases.primary().url(secrets, "tidegate")
            return records.orders_lost(directory, url, since, until)
        except (psycopg.Error, NotSettled, Refused):
            return None

    def _run(self, which: str) -> tuple[subprocess.Popen[bytes], int]:
        if which not in self._runs:
            raise Refused(f"no users were ever brought as {which}")
        return self._runs[which]
