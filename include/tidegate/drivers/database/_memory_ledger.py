"""What an old primary in memory alone had. Its rows are words, all of the first table that is kept."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

from tidegate.drivers._world import Effect, World
from tidegate.drivers.database._memory_server import Server, stream
from tidegate.drivers.token import Token
from tidegate.errors import Refused, Unreachable
from tidegate.model.lost_write import Kept, Lack, LedgerOrder, LostWrite, Reapplied


class Ledgers:
    """``ledgers``: name -> entries. ``taken``: rows whose key somebody else has taken on the new primary since."""

    world: World
    servers: dict[str, Server]
    parted: bool
    ledgers: dict[str, tuple[LostWrite, ...]]
    taken: set[str]
    primary: Callable[[], Any]
    _epoch_of: Callable[[Token], None]

    def mark(self, region: str) -> str:
        server = self.servers[region]
        if not server.answers:
            raise Unreachable(f"{region} does not answer ({server.why()})", next_step="see what has become of it")
        if server.primary:
            raise Refused(f"the database in {region} is a primary", next_step="look which one is")
        return str(len(server.rows))

    def keep_lost(self, order: LedgerOrder, token: Token) -> Kept:
        self._epoch_of(token)
        new, old = self.servers[self.primary().region], self.servers[order.region]
        if order.ledger not in self.ledgers:
            self._bring_up(old)
            lost = tuple(row for row in old.rows if row not in new.rows)
            entries = tuple(_entry(number, order, row) for number, row in enumerate(lost, start=1))
            effect = Effect("database", "keep_lost", order.region, token.epoch, token.operation, {"rows": len(lost)})
            self.world.perform(effect, lambda: self.ledgers.update({order.ledger: entries}))
        found = self.kept(order.ledger)
        assert found is not None
        return found

    def kept(self, ledger: str) -> Kept | None:
        self.primary()
        if ledger not in self.ledgers:
            return None
        tables: dict[str, dict[str, int]] = {}
        for one in self.ledgers[ledger]:
            row = tables.setdefault(one.table, {})
            row[one.lack.value] = row.get(one.lack.value, 0) + 1
        return Kept(len(self.ledgers[ledger]), tables)

    def lost(self, ledger: str, numbers: Collection[int] = ()) -> tuple[LostWrite, ...]:
        self.primary()
        return tuple(one for one in self.ledgers.get(ledger, ()) if not numbers or one.number in numbers)

    def reapply(self, ledger: str, number: int, token: Token) -> Reapplied:
        new = self.servers[self.primary().region]
        self._epoch_of(token)
        one = next((e for e in self.ledgers.get(ledger, ()) if e.number == number), None)
        if one is None:
            raise Refused(f"the ledger {ledger} has no entry {number}", next_step="tidegate ledger show")
        if one.reapplied or one.key in new.rows:
            return Reapplied(number, True, "it is there already")
        if one.key in self.taken:
            return Reapplied(number, False, conflict=f"{one.table} {one.key} is another row by now")
        effect = Effect("database", "reapply", one.key, token.epoch, token.operation)
        self.world.perform(effect, lambda: self._write(ledger, one, new))
        return Reapplied(number, True, "written")

    def _write(self, ledger: str, one: LostWrite, new: Server) -> None:
        new.rows.append(one.key)
        rows = self.ledgers[ledger]
        self.ledgers[ledger] = tuple(replace(e, reapplied=True) if e.number == one.number else e for e in rows)
        stream(self.servers, self.parted)

    def _bring_up(self, old: Server) -> None:
        """With power, as a standby; it follows nobody, since its history has parted."""
        if not old.linked or old.away:
            raise Unreachable(f"{old.region} does not answer ({old.why()})", next_step="wait until it does")
        if old.alive and old.primary:
            raise Refused(f"the database in {old.region} is a primary", next_step="fence it first")
        old.powered = old.running = old.control = True
        old.primary = False


def _entry(number: int, order: LedgerOrder, row: str) -> LostWrite:
    table, key = order.tables[0]
    return LostWrite(number, table, key, row, Lack.MISSING, {key: row}, None, False)
