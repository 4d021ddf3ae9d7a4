"""One thread beside the work, with a bounded queue: what is slow or broken out there never reaches an operation."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

ROOM = 256  # jobs that wait; one more is dropped, counted, and made up for by the next look at the journal
Job = Callable[[], None]


class Worker:
    """Jobs in order, in a daemon thread that is begun with the first of them, also after a fork."""

    def __init__(self, room: int = ROOM) -> None:
        self._room = room
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = 0
        self._queue: queue.Queue[Job] = queue.Queue(self._room)
        self._said = False
        self.dropped = 0
        self.failed = 0

    @property
    def busy(self) -> bool:
        """Whether this process has given it anything to do."""
        return self._pid == os.getpid()

    def put(self, job: Job) -> bool:
        """Never waits. False: there was no room, and the job is dropped."""
        if self._pid != os.getpid():
            self._begin_anew()
            self._pid = os.getpid()
            threading.Thread(target=self._run, args=(self._queue,), name="tidegate-telemetry", daemon=True).start()
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            self.dropped += 1
            return False
        return True

    def flush(self, seconds: float) -> bool:
        """Wait until what was put is done, ``seconds`` at most. Whether it is."""
        until = time.monotonic() + seconds
        waiting = self._queue
        with waiting.all_tasks_done:
            while waiting.unfinished_tasks and self._pid == os.getpid():
                left = until - time.monotonic()
                if left <= 0:
                    return False
                waiting.all_tasks_done.wait(left)
        return True

    def _run(self, jobs: queue.Queue[Job]) -> None:
        while True:
            job = jobs.get()
            try:
                job()
            except Exception as error:  # whatever it is, the operation goes on
                self.note_failure(type(error).__name__)
            finally:
                jobs.task_done()

    def note_failure(self, why: str) -> None:
        """Counted, and told once in a process."""
        self.failed += 1
        if not self._said:
            self._said = True
            log.warning("telemetry is not delivered (%s); operations go on without. Not told again.", why)


worker = Worker()
