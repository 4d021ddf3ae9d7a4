"""Users by an agent of the environment: ``GET /loads``, ``PUT /loads/ID``, ``GET /loads/ID``, ``DELETE /loads/ID``.

What the users saw is their own record, kept by the agent after they have gone.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, StringConstraints

from tidegate.drivers._agent import Agent
from tidegate.drivers.load.contract import LoadProfile, Seen
from tidegate.drivers.site import Site
from tidegate.model.drill import Users


class Settings(BaseModel):
    """``at``: the connection to the agent; its password is the token."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    at: Annotated[str, StringConstraints(pattern=r"^conn://.+")]


class AgentLoad:
    """See :class:`~tidegate.drivers.load.contract.Load`."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def start(self, which: str, profile: LoadProfile, lasts: float) -> None:
        self._agent.put(_path(which), {**profile.to_json(), "lasts": lasts})

    def ready(self, which: str) -> bool:
        return bool(self._agent.get(_path(which))["ready"])

    def seen(self, which: str, since: float, until: float) -> Seen:
        told = self._agent.get(f"{_path(which)}/seen", since=since, until=until)
        return Seen(Users(**told.pop("users")), **told)

    def running(self) -> tuple[str, ...]:
        return tuple(self._agent.get("/loads")["running"])

    def stop(self, which: str) -> None:
        self._agent.delete(_path(which))

    def ping(self) -> None:
        self._agent.get("/loads")


def _path(which: str) -> str:
    return f"/loads/{quote(which, safe='')}"


def connect(settings: Settings, site: Site) -> AgentLoad:
    return AgentLoad(Agent(settings.at, site))
