"""A child process that has Great Expectations loaded and runs checks when asked: for places without a parent that
preloads it (the CLI, the guard).

Requests and answers are lines of JSON on its standard input and output; the database's URL, with its secret, travels
there and never in argv or the environment. The child ends when its input closes or its parent is gone.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Protocol

from tidegate.checks import preload
from tidegate.checks.model import CheckReport, CheckSpec, Limits, verdict_of
from tidegate.checks.outcome import not_checked
from tidegate.checks.run import run

START_SECONDS = 90.0  # the import takes some ten seconds on an idle machine


class Runner(Protocol):
    """Whatever runs checks: :func:`tidegate.checks.run.run`, or :meth:`WarmChecks.run`."""

    def __call__(
        self,
        url: str,
        specs: Sequence[CheckSpec],
        snapshot: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        *,
        schema_revision: str = "",
        standbys: Mapping[str, str] | None = None,
    ) -> CheckReport: ...


class WarmChecks:
    """Owns the child. Starting does not wait; :meth:`run` does, until it is ready. Thread-safe: one run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._start()

    def run(
        self,
        url: str,
        specs: Sequence[CheckSpec],
        snapshot: Mapping[str, Any] | None = None,
        limits: Limits | None = None,
        *,
        schema_revision: str = "",
        standbys: Mapping[str, str] | None = None,
    ) -> CheckReport:
        """As :func:`tidegate.checks.run.run`. A child that dies or hangs is ended, replaced, and reported as
        ``no_data``."""
        limits, started, clock = limits or Limits(), time.time(), time.monotonic()
        request = {
            **{"url": url, "specs": [s.to_json() for s in specs], "snapshot": snapshot, "limits": asdict(limits)},
            **{"schema_revision": schema_revision, "standbys": dict(standbys or {})},
        }
        with self._lock:
            try:
                return CheckReport.from_json(self._ask(json.dumps(request), limits))
            except (OSError, ValueError, queue.Empty) as error:
                self._end()
                self._start()
                reason = f"the check process gave no answer ({type(error).__name__}); a new one was started"
        results = tuple(not_checked(spec, reason) for spec in specs)
        return CheckReport(None, verdict_of(results), results, started, round(time.monotonic() - clock, 3))

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def __enter__(self) -> WarmChecks:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    def _start(self) -> None:
        include = str(Path(__file__).parents[2])
        paths = [include, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
        self._child = subprocess.Popen(  # noqa: S603  # our own module
            [sys.executable, "-m", __name__, str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C reaches the parent, which ends the child in order
            env={**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))},
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=_pump, args=(self._child.stdout, self._answers), daemon=True).start()
        self._ready = False

    def _ask(self, line: str, limits: Limits) -> Any:
        """Raises OSError, ValueError (no JSON: the child is gone), queue.Empty (no answer in time)."""
        if not self._ready:
            json.loads(self._answers.get(timeout=START_SECONDS))
            self._ready = True
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()
        return json.loads(self._answers.get(timeout=limits.total + 15))

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            assert self._child.stdin is not None
            self._child.stdin.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._child.pid, signal.SIGKILL)  # it holds nothing but read-only transactions
        self._child.wait()


def _pump(lines: IO[str], answers: queue.Queue[str]) -> None:
    for line in lines:
        answers.put(line)
    answers.put("")  # the child is gone: what waits shall not wait


def runner() -> Runner:
    """The quickest way to run checks from here: in this process if Great Expectations is loaded, else a warm child that
    starts loading now and ends with this process."""
    return run if preload.loaded() else WarmChecks().run


def serve(requests: IO[str], answers: IO[str]) -> None:
    """Answer requests until the input closes. First line out: that all is loaded, or why not."""
    ready = {"ready": True}
    try:
        preload.preload()
    except ImportError as error:
        ready = {"ready": False, "why": str(error)}  # type: ignore[dict-item]  # every run will say so too
    print(json.dumps(ready), file=answers, flush=True)
    for line in requests:
        request = json.loads(line)
        specs = [CheckSpec.from_json(spec) for spec in request["specs"]]
        report = run(
            request["url"],
            specs,
            request["snapshot"],
            Limits(**request["limits"]),
            schema_revision=request["schema_revision"],
            standbys=request["standbys"],
        )
        print(json.dumps(report.to_json()), file=answers, flush=True)


def _end_with(parent: int) -> None:
    """Poll, since a forked sibling of ours may hold our input open after the parent is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(0)


def main() -> None:
    threading.Thread(target=_end_with, args=(int(sys.argv[1]),), daemon=True).start()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever prints must not mix with the answers
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
