"""The command that follows, or repeats, a request that was made of Airflow."""

from __future__ import annotations

import shlex

from tidegate.model.operation import MOVING, OperationKind, dag_id
from tidegate.remote.request import Asked


def again(asked: Asked) -> str:
    """It is one request however often this is run."""
    words = [*_WORDS.get(asked.kind, _rollback)(asked), "--reason", str(asked.conf["reason"])]
    return shlex.join(["tidegate", *words, "--request-id", asked.request_id, "--wait"])


def _promotion(asked: Asked) -> list[str]:
    words = ["promote", asked.service, str(asked.conf["version"])]
    words += ["--exempt", str(asked.conf["exempt"])] if asked.conf.get("exempt") else []
    return words + (["--fast-track"] if asked.conf.get("fast_track") else [])


def _contract(asked: Asked) -> list[str]:
    return ["contract", asked.service]


def _rollback(asked: Asked) -> list[str]:
    words = ["rollback", asked.service]
    words += ["--to", str(asked.conf["target"])] if asked.conf["target"] else []
    return words + (["--fast-lane"] if asked.conf["fast_lane"] else [])


def _moving(asked: Asked) -> list[str]:
    words = [dag_id(asked.kind, asked.service).partition("__")[0], asked.service]
    words += ["--to", str(asked.conf["target"])] if asked.conf.get("target") else []
    return words + (["--only", str(asked.conf["only"])] if asked.conf.get("only") else [])


_WORDS = {
    OperationKind.PROMOTION: _promotion,
    OperationKind.CONTRACT: _contract,
    **dict.fromkeys(MOVING, _moving),
}
