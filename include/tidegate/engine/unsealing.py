"""Reads of releases' secrets, each with a row in the chain of the operation that asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret
from tidegate.engine.world import World
from tidegate.journal.model import EventKind
from tidegate.model.release import SecretVersion


@dataclass(frozen=True)
class JournalledVault:
    """The service's vault as one step sees it. No value is handed on before its row is written, under the step's own
    epoch: an actor that has been superseded gets none. A read that fails is in the row of the step that failed."""

    world: World
    token: Token
    node: str
    actor: str

    def __call__(self, which: SecretVersion, *, purpose: str, regions: Sequence[str]) -> Secret:
        secret = self.world.estate.site.vault(which)
        body = {
            "name": which.name,
            "version": which.version,
            "node": self.node,
            "purpose": purpose,
            "regions": list(regions),
        }
        with self.world.journal.locked(self.world.service) as txn:
            txn.append(
                EventKind.SECRET_READ, body, actor=self.actor, operation=self.token.operation, epoch=self.token.epoch
            )
        return secret
