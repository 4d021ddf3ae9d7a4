"""The guard looks at the circuit breakers and leaves what it sees in the journal. It decides nothing by it: a breaker
opens and closes by itself, and what a dependency does to both arms alike blames no release."""

from __future__ import annotations

import logging
import threading

from tidegate.engine import dependencies
from tidegate.engine.world import World
from tidegate.errors import TidegateError

log = logging.getLogger(__name__)

EVERY = 1.0  # seconds


class DependencyWatch:
    """One per guard, in a thread of its own: a router that hangs must not hold up the guard's own look."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[str, str] = {}
        self._said = ""

    def start(self, stop: threading.Event) -> None:
        """Look until ``stop`` is set; nothing where the policy names no dependency. Returns at once."""
        if self._world.policy.dependencies:
            threading.Thread(target=self._run, args=(stop,), name="dependencies", daemon=True).start()

    def _run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            self.look()
            stop.wait(EVERY)

    def look(self) -> None:
        """Once. Whatever goes wrong is said, once, and what was left before runs out."""
        world = self._world
        try:
            told = dependencies.look(world)
            dependencies.publish(world.journal, world.service, told)
        except TidegateError as error:
            self._say(f"the breakers cannot be seen: {error}")
            return
        except Exception:  # a thread that dies without a word is worse
            log.exception("guard of %s: the look at the breakers broke", world.service)
            return
        self._say("")
        self._tell(told)

    def _tell(self, told: tuple[dependencies.Told, ...]) -> None:
        """Each change once."""
        for one in told:
            if self._seen.get(one.name, one.breaker) != one.breaker:
                log.warning("guard of %s: %s", self._world.service, one.words)
            self._seen[one.name] = one.breaker

    def _say(self, text: str) -> None:
        if text and text != self._said:
            log.error("guard of %s: %s", self._world.service, text)
        self._said = text
