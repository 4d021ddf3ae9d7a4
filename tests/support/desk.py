"""Somebody's desk in front of a real Airflow API: a shell with its address, and the estate that it drives."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.estate import Rig
from tests.support.remote import Served, set_run
from tidegate.cli import main
from tidegate.remote import follow, request


@dataclass
class Desk:
    """Somebody's desk: a shell with Airflow's address, and the estate that Airflow drives."""

    rig: Rig
    airflow: Served
    capsys: pytest.CaptureFixture[str]
    environ: dict[str, str]
    id: str

    def promote(self, version: str = "1.1.0", *more: str, reason: str = "a test") -> int:
        return main(["promote", "shop", version, "--reason", reason, "--request-id", self.id, *more])

    def wait(self, version: str = "1.1.0", *more: str) -> tuple[int, dict[str, Any]]:
        self.capsys.readouterr()
        code = self.promote(version, "--wait", "--json", *more)
        # Airflow's own log shares this process's output
        (told,) = [line for line in self.capsys.readouterr().out.splitlines() if line.startswith('{"service"')]
        return code, json.loads(told)

    def ends(self, state: str, tasks: dict[str, str] | None = None) -> None:
        set_run(f"request__{self.id}", state, tasks)


class Watched:
    """The command in another thread, so that the test can act while it waits."""

    def __init__(self, api: Any, asked: request.Asked, patience: float) -> None:
        self.lines: list[str] = []
        self.followed: follow.Followed | None = None
        self._follower = follow.Follower(api, asked, self.lines.append, patience=patience)
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        self.followed = self._follower.follow(None)

    def heard(self, words: str) -> bool:
        return any(words in line for line in self.lines)
