"""What a guard looks at beside its own loop, each in a thread of its own: a database or a router that hangs holds up
nobody else's look."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from tidegate.errors import TidegateError

log = logging.getLogger(__name__)


def look_on(name: str, look: Callable[[], object], every: float, stop: threading.Event) -> threading.Thread:
    """``look`` each ``every`` seconds until ``stop`` is set; returns at once. Whatever goes wrong is said, once as long
    as it stays the same, and looked at again: a thread that dies without a word is worse."""
    thread = threading.Thread(target=_keep, args=(name, look, every, stop), name=name, daemon=True)
    thread.start()
    return thread


def _keep(name: str, look: Callable[[], object], every: float, stop: threading.Event) -> None:
    said = ""
    while not stop.is_set():
        try:
            look()
            said = ""
        except TidegateError as error:
            if str(error) != said:
                log.error("%s: %s", name, error)
            said = str(error)
        except Exception as error:
            if str(error) != said:
                log.exception("%s broke, and goes on", name)
            said = str(error)
        stop.wait(every)
