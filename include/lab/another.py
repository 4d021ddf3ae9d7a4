"""Another shop beside the first one: the same policy, the same variables, other systems beneath them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CONNECTION, _ITS_OWN = "AIRFLOW_CONN_", "shop_"


@dataclass(frozen=True)
class Another:
    """``below``: its lab's home, below the first one's. ``prefix``: what its connections' names begin with."""

    below: str
    prefix: str

    def connection(self, name: str) -> str:
        """Its connection that is what ``name`` is in the first one."""
        return f"{self.prefix}{name.removeprefix(_ITS_OWN)}"

    def elsewhere(self, value: Any) -> Any:
        """A part of a policy, with every system its own."""
        if isinstance(value, Mapping):
            return {key: self.elsewhere(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self.elsewhere(one) for one in value]
        if isinstance(value, str) and value.startswith("lab/"):
            return f"{self.below}/{value}"
        if isinstance(value, str) and value.startswith(f"conn://{_ITS_OWN}"):
            return f"conn://{self.connection(value.removeprefix('conn://'))}"
        return value

    def variables(self, env: Mapping[str, str]) -> dict[str, str]:
        """Its connections under their names here. ``env``: of its own lab."""
        known = {name: name.removeprefix(_CONNECTION).lower() for name in env if name.startswith(_CONNECTION)}
        mine = {name: short for name, short in known.items() if short.startswith(_ITS_OWN)}
        return {
            f"{_CONNECTION}{self.connection(short).upper()}": self._below(env[name]) for name, short in mine.items()
        }

    def _below(self, connection_json: str) -> str:
        """Paths that the connection names are below its lab's home."""
        found = json.loads(connection_json)
        extra = json.loads(found["extra"]) if isinstance(found.get("extra"), str) else found.get("extra")
        if extra:
            paths = ("conf", "environment_file")
            found["extra"] = {key: f"{self.below}/{value}" if key in paths else value for key, value in extra.items()}
        return json.dumps(found)
