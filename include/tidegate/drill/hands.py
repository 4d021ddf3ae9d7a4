"""Who stands in for the people on call: asks for what they would, the way they would."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tidegate.errors import NotSettled, TidegateError
from tidegate.model.operation import OperationKind, dag_id, operation_id
from tidegate.remote.airflow import Airflow
from tidegate.remote.request import Asked, start

ENDS_WITHIN = 900.0  # seconds, of a command that carries an operation to its end


class Hands(Protocol):
    """``conf``: as the DAG's params have it: ``reason``, and ``version``, ``target``, ``only`` where the kind has
    them. The same request id is the same request."""

    def ask(self, kind: OperationKind, conf: Mapping[str, Any], request_id: str) -> str:
        """Ask for an operation. Returns its id; it may be at its end by then. Raises ``TidegateError``."""
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
