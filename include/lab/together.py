"""Several starts at once; the first failure counts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, wait
from typing import Any


class Together:
    """Runs functions in threads that never keep the process alive."""

    def __init__(self) -> None:
        self._futures: list[Future[Any]] = []

    def start(self, work: Callable[[], Any], *after: Future[Any]) -> Future[Any]:
        """Run ``work`` once all of ``after`` have succeeded; if one has failed, it never runs."""
        future: Future[Any] = Future()

        def body() -> None:
            try:
                for earlier in after:
                    earlier.result()
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._futures.append(future)
        threading.Thread(target=body, daemon=True).start()
        return future

    def join(self) -> None:
        """Wait for all. Raises the first failure as soon as it happens."""
        pending = set(self._futures)
        while pending:  # in short waits, so that Ctrl-C gets through
            done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
            for future in done:
                future.result()
