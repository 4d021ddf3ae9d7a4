"""Who stands in for the people on call: asks for what they would, the way they would."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tidegate.errors import NotSettled, TidegateError
from tidegate.model.operation import OperationKind, dag_id, operation_id
from tidegate.redaction import redact
from tidegate.remote.airflow import Airflow
from tidegate.remote.request import Asked, start

ENDS_WITHIN = 900.0  # seconds, of a command that carries an operation to its end


@dataclass(frozen=True)
class Begun:
    """An operation that was asked for, and may still go on. ``said``: why it came to nothing; "" as far as is known."""

    operation: str
    said: Callable[[], str]


class Hands(Protocol):
    """``conf``: as the DAG's params have it: ``reason``, and ``version``, ``target``, ``only`` where the kind has
    them. The same request id is the same request."""

    def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
        """Ask for an operation. Returns its id; it may be at its end by then. Raises ``TidegateError``."""
        ...

    def begin(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> Begun:
        """The same, and never waits for its end."""
        ...

    def there(self) -> bool:
        """Whether whoever would be asked answers."""
        ...


@dataclass(frozen=True)
class ByAirflow:
    """``service``: the environment. The operation goes on by itself once it is asked for."""

    service: str
    airflow: Airflow

    def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
        asked = Asked(self.service, kind, request_id, dict(conf))
        start(self.airflow, asked)
        return asked.operation

    def begin(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> Begun:
        return Begun(self.ask(kind, conf, request_id), lambda: "")

    def there(self) -> bool:
        try:
            return bool(self.airflow.dag_ids())
        except TidegateError:
            return False


@dataclass(frozen=True)
class AtTerminal:
    """The exact commands of the runbook, each in a process of its own: no Airflow. ``person``: in whose name.
    ``env``: None: this process's own."""

    service: str
    person: str
    env: Mapping[str, str] | None = field(default=None, repr=False)

    def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
        """Returns once the operation is at its end. Raises :class:`NotSettled` with what the command said last."""
        command = self.command(kind, conf, request_id)
        done = subprocess.run(  # noqa: S603 - ours, with a policy's words
            command, env=self.env, capture_output=True, text=True, timeout=ENDS_WITHIN, check=False
        )
        if done.returncode:
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            raise NotSettled(f"`tidegate {' '.join(command[1:3])}` ended with {done.returncode}: {said}")
        return operation_id(self.service, kind, request_id)

    def begin(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> Begun:
        """The command goes on beside whoever holds the drill."""
        wrong: list[str] = []

        def carry() -> None:
            try:
                self.ask(kind, conf, request_id)
            except (TidegateError, OSError, subprocess.SubprocessError) as error:
                wrong.append(redact(str(error)))

        threading.Thread(target=carry, name=request_id, daemon=True).start()
        return Begun(operation_id(self.service, kind, request_id), lambda: "; ".join(wrong))

    def command(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> list[str]:
        """As somebody types it."""
        verb = dag_id(kind, self.service).partition("__")[0]
        words = [str(Path(sys.executable).with_name("tidegate")), "run", verb, self.service]
        words += [str(conf["version"])] if "version" in conf else []
        words += ["--to", str(conf["target"])] if conf.get("target") else []
        words += ["--only", str(conf["only"])] if conf.get("only") else []
        return [*words, "--by", self.person, "--reason", str(conf["reason"]), "--request-id", request_id]

    def there(self) -> bool:
        return True
