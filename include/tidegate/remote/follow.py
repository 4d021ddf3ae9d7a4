"""Following a run to its end, through restarts of the API server, for as long as is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.errors import NotAuthorised, Rejected, TidegateError, Unreachable
from tidegate.remote.airflow import FINISHED, Airflow
from tidegate.remote.ending import GONE, Ending, Sight, ended, unfinished
from tidegate.remote.picture import news
from tidegate.remote.request import Asked

LOOK_EVERY = 2.0  # seconds
OUT_OF_SIGHT = 180.0  # seconds without any answer before sight is called lost: a restart takes a quarter of that


@dataclass(frozen=True)
class Followed:
    """``sight``: the last look, None if there never was one. ``why``: the last error, if sight was lost."""

    ending: Ending
    sight: Sight | None
    why: str = ""


@dataclass
class Follower:
    """``say``: one line of progress. ``patience``: seconds without an answer that tells anything.

    Raises no error of Tidegate's: the run was begun, so whatever Airflow, or what stands before it, says no to from
    here on is sight lost."""

    api: Airflow
    asked: Asked
    say: Callable[[str], None]
    paused: bool = False
    patience: float = field(default_factory=lambda: OUT_OF_SIGHT)
    sleep: Callable[[float], None] = time.sleep
    _seen: Sight | None = field(default=None, init=False)

    def follow(self, within: float | None) -> Followed:
        """Look until the run is finished, or for ``within`` seconds (None: for ever)."""
        began = last_answer = time.monotonic()
        why = ""
        while True:
            try:
                now = self._look()
                last_answer, why = self._answered(why), ""
                if now.finished:
                    return Followed(ended(self.asked.kind, now), now)
            except NotAuthorised as error:  # no waiting mends it: a token whose time ran out, a role taken away
                return Followed(Ending.LOST_SIGHT, self._seen, error.message)
            except TidegateError as error:
                why = self._unanswered(error, why)
            moment = time.monotonic()
            if why and moment - last_answer >= self.patience:
                return Followed(Ending.LOST_SIGHT, self._seen, why)
            if within is not None and moment - began >= within:
                return self._out_of_time(why)
            self.sleep(LOOK_EVERY)

    def _look(self) -> Sight:
        asked = self.asked
        run = self.api.find_run(asked.dag_id, asked.run_id)
        if run is None:
            document = self._document()
            if document is None:
                raise Unreachable("Airflow shows neither the run nor its operation")
            return self._seen_now(Sight(GONE, {}, document))
        tasks = self.api.tasks(asked.dag_id, asked.run_id)
        # After the run: what the journal says last is then at least as new as the run's end.
        document = self._document()
        paused = self.paused and run["state"] not in FINISHED
        if paused:
            self.paused = bool((self.api.dag(asked.dag_id) or {}).get("is_paused"))
        states = {task: str(instance["state"]) for task, instance in tasks.items()}
        refusal = self._refusal() if run["state"] in FINISHED and document is None else ""
        return self._seen_now(Sight(str(run["state"]), states, document, self.paused, refusal))

    def _document(self) -> Mapping[str, Any] | None:
        """Tidegate's own. The journal forgets nothing: once there, it cannot be gone."""
        document = self.api.operation(self.asked.service, self.asked.operation)
        if document is None and self._seen is not None and self._seen.document is not None:
            raise Unreachable("Airflow shows the operation no more, which it has shown before")
        return document

    def _seen_now(self, now: Sight) -> Sight:
        for line in news(self._seen, now):
            self.say(line)
        self._seen = now
        return now

    def _refusal(self) -> str:
        """The line of the first task's log that names an error; "" if the log may not be read."""
        try:
            lines = self.api.log(self.asked.dag_id, self.asked.run_id, "bind").splitlines()
        except Rejected:
            return ""
        return next((line for line in lines if line.startswith(("Refused:", "Forbidden:"))), "")

    def _answered(self, why: str) -> float:
        if why:
            self.say("Airflow answers again")
        return time.monotonic()

    def _unanswered(self, error: TidegateError, why: str) -> str:
        if not why:
            self.say(f"Airflow does not answer; the operation goes on without us ({error.message})")
        return error.message

    def _out_of_time(self, why: str) -> Followed:
        if self._seen is None or why:
            return Followed(Ending.LOST_SIGHT, self._seen, why)
        return Followed(unfinished(self._seen), self._seen)
