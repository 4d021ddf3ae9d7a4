"""Faults by an agent of the environment: ``GET /faults``, ``PUT /faults/ID``, ``DELETE /faults/ID``.

The agent keeps what it broke on disk, and lifts each fault once its time is over, whoever asks or does not. The lab's
is ``lab.agent``; one of your own speaks the same.
"""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, StringConstraints

from tidegate.drivers._agent import Agent
from tidegate.drivers.faults.contract import Fault, FaultKind, Injected
from tidegate.drivers.site import Site


class Settings(BaseModel):
    """``at``: the connection to the agent; its password is the token."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at: Annotated[str, StringConstraints(pattern=r"^conn://.+")]


class AgentFaults:
    """See :class:`~tidegate.drivers.faults.contract.Faults`."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def kinds(self) -> frozenset[FaultKind]:
        return frozenset(FaultKind(kind) for kind in self._agent.get("/faults")["kinds"])

    def inject(self, which: str, fault: Fault, lasts: float) -> Injected:
        return _injected(self._agent.put(_path(which), {**fault.to_json(), "lasts": lasts}))

    def active(self) -> tuple[Injected, ...]:
        return tuple(_injected(one) for one in self._agent.get("/faults")["active"])

    def lift(self, which: str) -> None:
        self._agent.delete(_path(which))

    def ping(self) -> None:
        self._agent.get("/faults")


def _path(which: str) -> str:
    return f"/faults/{quote(which, safe='')}"


def _injected(told: dict[str, Any]) -> Injected:
    return Injected(str(told["id"]), Fault.from_json(told["fault"]), float(told["since"]), float(told["until"]))


def connect(settings: Settings, site: Site) -> AgentFaults:
    return AgentFaults(Agent(settings.at, site))
