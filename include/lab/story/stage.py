"""The running estate as a scenario sees it: the lab, the load on it, the journal, the targets' own logs."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab import postgres
from lab.estate import Lab
from lab.load import records
from lab.places import REGIONS
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.view import OperationView, fold_operation, require
from tidegate.errors import NotSettled, TidegateError
from tidegate.journal.model import Event, EventKind
from tidegate.journal.store import Journal

SERVICE = "shop"
USERS = 200  # live sessions; at least 100 must be there all the way through
MOST_SECONDS = 5400.0  # the load ends by itself after that, whatever happens


@dataclass
class Stage:
    """``load_dir``: where the users' own record is written. ``found``: what a scenario has found out besides, for its
    row in the report."""

    lab: Lab
    journal: Journal
    load_dir: Path
    load: subprocess.Popen[bytes] | None = None
    found: dict[str, Any] = field(default_factory=dict)

    def tidegate(self, *words: str) -> str:
        """What the command printed, run as a person would. Raises :class:`TidegateError` if it fails."""
        command = [str(Path(sys.executable).with_name("tidegate")), *words]
        done = subprocess.run(command, env=self.lab.env(), capture_output=True, text=True, timeout=120)  # noqa: S603
        if done.returncode:
            raise TidegateError(f"tidegate {words[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def start_load(self) -> None:
        """Start the users and wait until they are all there."""
        self.load_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "lab.load", "--host", self.lab.edge_address(), "--users", str(USERS)]
        command += ["--spawn-rate", "20", "--seconds", str(MOST_SECONDS), "--out", str(self.load_dir)]
        log = (self.load_dir / "load.log").open("wb")
        self.load = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)  # noqa: S603
        log.close()

    def load_goes_on(self) -> None:
        """Raises if the users have gone: a scenario without load proves nothing."""
        if self.load is not None and self.load.poll() is not None:
            raise NotSettled("the load has ended", next_step=f"see {self.load_dir / 'load.log'}")

    def let_pass(self, seconds: float) -> None:
        """So long something is to last, under load: no wait for a condition. Raises as :meth:`load_goes_on`."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.load_goes_on()
            time.sleep(0.1)

    def load_is_up(self, now: float) -> bool:
        """Whether the last five seconds had enough requests and sessions. Raises if the load has ended."""
        self.load_goes_on()
        try:
            window = records.read(self.load_dir, now - 5.0 - records.SETTLE, now - records.SETTLE)
        except FileNotFoundError:
            return False
        return (window.min_rps or 0) >= 50 and (window.min_sessions or 0) >= 100

    def stop_load(self) -> None:
        """End the users; they finish their last request."""
        if self.load is None or self.load.poll() is not None:
            return
        self.load.send_signal(signal.SIGTERM)
        try:
            self.load.wait(30)
        except subprocess.TimeoutExpired:
            self.load.kill()
            self.load.wait()

    def operation(self, run_id: str) -> OperationView | None:
        """The operation that the DAG run opened, None if it opened none."""
        for event in self.journal.events(SERVICE, kinds={EventKind.OPERATION_OPENED}):
            if run_id in event.body["request_id"]:
                return fold_operation(self.events(str(event.operation)))
        return None

    def operation_of(self, operation: str) -> OperationView:
        """As the journal has it now."""
        return require(fold_operation(self.events(operation)), operation)

    def primary_url(self, role: str = "tidegate") -> str:
        """Where the shop's orders are, for somebody who may read (``tidegate``) or write (``shop``). A secret.

        Raises :class:`NotSettled` unless exactly one region's database says that it is the primary."""
        writers = self.writers()
        if len(writers) != 1:
            raise NotSettled(f"expected one primary, got {writers}", next_step="look at var/lab/logs/*-postgres.log")
        return self.lab.databases().cluster(writers[0]).url(self.lab.site().secrets, role)

    def writers(self) -> list[str]:
        """Regions whose database answers, and says that it is no standby."""
        databases, secrets = self.lab.databases(), self.lab.site().secrets
        return [r for r in REGIONS if postgres.is_primary(databases.cluster(r), secrets)]

    def stable_slot(self) -> str:
        """The slot that the journal calls stable."""
        facts = fold_facts(self.journal.events(SERVICE, kinds=FACT_KINDS))
        return facts.stable_slot.value if facts.stable_slot else "a"

    def events(self, operation: str) -> list[Event]:
        return self.journal.events(SERVICE, operation=operation)

    def routes_written(self, operation: str) -> list[dict[str, Any]]:
        """The route file's own log: every rename that this operation caused, in order."""
        return _lines(self.lab.places.lab / "edge" / "routes.yaml.log", operation)

    def slots_changed(self, operation: str) -> list[dict[str, Any]]:
        """The slots' own log: every start and stop that this operation caused, in order."""
        return _lines(self.lab.places.lab / "slots" / "effects.log", operation)


def _lines(path: Path, operation: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    rows = (json.loads(line) for line in path.read_text().splitlines() if line.strip())
    return [row for row in rows if row.get("operation") == operation]
