"""The moving verbs on databases in memory, and the hands of a test: power, partitions, frozen and returning servers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tidegate.drivers._world import Effect, Faults, World, refuse_stale
from tidegate.drivers.database._memory_server import ROW, Server, stream, streams
from tidegate.drivers.database._roles import the_primary
from tidegate.drivers.database.contract import DatabaseState, Fence
from tidegate.drivers.token import Token
from tidegate.errors import NotSettled, Refused, Unreachable


class Moves:
    """``servers``: by region, for tests to look at. ``parted``: the regions do not reach each other, everybody else
    reaches both. ``cannot_rewind``: regions whose old primary has to be built anew."""

    world: World

    def __init__(self, servers: Mapping[str, Server]) -> None:
        self.servers = dict(servers)
        self.faults = Faults()
        self.parted = False
        self.cannot_rewind: set[str] = set()
        self._seen_epoch = 0

    def observe(self) -> Mapping[str, DatabaseState]:
        with self.world.lock:
            return {region: self._state(server) for region, server in self.servers.items()}

    def probe(self, region: str) -> DatabaseState:
        with self.world.lock:
            if region not in self.servers:
                raise Refused(f"no database in {region!r}", next_step=f"regions: {', '.join(self.servers)}")
            return self._state(self.servers[region])

    # The moving verbs

    def quiesce(self, region: str, token: Token) -> int:
        server = self._answering(region, token)
        if not server.primary:
            raise Refused(f"the database in {region} is no primary", next_step="look which one is")
        self._do("quiesce", server, token, lambda: setattr(server, "read_only", True), not server.read_only)
        return server.written

    def unquiesce(self, region: str, token: Token) -> None:
        server = self._answering(region, token)
        others = [r for r, s in self.servers.items() if r != region and s.answers and s.primary]
        if not server.primary or others:
            where = f"{others[0]} is" if others else "it is no longer one"
            raise Refused(f"{region} does not become the primary again: {where}", next_step="look which one is")
        self._do("unquiesce", server, token, lambda: setattr(server, "read_only", False), server.read_only)

    def fence(self, region: str, token: Token, *, graceful: bool) -> Fence:
        server = self._server(region, token)
        by_control = graceful and server.powered and server.control and server.linked and not server.away
        if by_control and server.frozen:
            raise NotSettled(f"{region} was told to stop and has not", next_step="fence it by power")
        if not by_control and not server.linked:
            raise Unreachable(
                f"neither {region} nor its power switch answers", next_step="there is no proof of a fence"
            )
        change = server.stop if by_control else lambda: self._cut_power(server)
        self._do("fence", server, token, change, server.running if by_control else server.powered)
        proof = self.fenced(region)
        assert proof is not None
        return proof

    def fenced(self, region: str) -> Fence | None:
        server = self.servers[region]
        if not server.linked or region in self.faults.lost:
            return None
        if not server.powered:
            return Fence(region, "power", None, f"the switch says that {region} is off")
        if not server.running and server.control and not server.away:
            return Fence(region, "stopped", server.written, f"{region}'s control says that it is off")
        return None

    def promote_database(self, region: str, token: Token) -> None:
        proof = self.fenced(region) if region in self.servers else None
        server = self._server(region, token) if proof and proof.proof == "stopped" else self._answering(region, token)
        others = [r for r, s in self.servers.items() if r != region and s.answers and s.primary]
        if others:
            raise Refused(f"the database in {others[0]} is a primary still", next_step="fence it first")
        self._do("promote_database", server, token, lambda: self._promote(server), not server.primary)

    def writers(self) -> tuple[str, ...]:
        return tuple(region for region, server in self.servers.items() if server.answers and server.writable)

    def reprotect(self, region: str, token: Token) -> str:
        server = self._server(region, token)
        if not server.linked or server.away:
            raise Unreachable(f"{region} does not answer ({server.why()})", next_step="wait until it does")
        if server.primary and server.powered and server.running:
            raise Refused(f"the database in {region} is a primary", next_step="fence it first")
        source = self.servers[the_primary({r: s for r, s in self.observe().items() if r != region})]
        if streams(server, self.servers, self.parted):
            return f"{region} follows {source.region} already"
        if self.parted:
            raise NotSettled(f"{region} does not reach {source.region}", next_step="join the regions")
        how = self._way_back(server, source)
        self._do("reprotect", server, token, lambda: self._follow(server, source))
        return how

    def synchronise(self, region: str | None, token: Token) -> None:
        source = self.servers[the_primary(self.observe())]
        self._epoch_of(token)
        if region is not None and not streams(self.servers[region], self.servers, self.parted):
            raise Refused(f"no standby in {region} streams from {source.region}", next_step="reprotect it first")
        change = lambda: setattr(source, "waits_for", region)  # noqa: E731
        self._do("synchronise", source, token, change, source.waits_for != region)

    # The hands of a test

    def write(self, region: str, row: str = "") -> bool:
        """A client beside the server writes. True: acknowledged, which a synchronous primary does only if its standby
        has the row; the row stays in its log all the same."""
        with self.world.lock:
            server = self.servers[region]
            if not server.writable:
                return False
            server.rows.append(row or f"{region}-{server.timeline}-{len(server.rows)}")
            stream(self.servers, self.parted)
            return server.waits_for is None or self.servers[server.waits_for].has_all_of(server)

    def writable(self) -> tuple[str, ...]:
        """Regions that would accept somebody's write, reachable from here or not: more than one is a split brain."""
        return tuple(region for region, server in self.servers.items() if server.writable)

    def kill(self, region: str) -> None:
        """Every process in the region is dead, its control too; the switch outside it answers."""
        self.servers[region].stop()
        self.servers[region].control = False

    def crash(self, region: str) -> None:
        """The database alone is dead. Its control has started it again, as it always does: as a standby."""
        self.servers[region].stop()
        self.servers[region].running = True

    def power_off(self, region: str) -> None:
        self._cut_power(self.servers[region])

    def comes_back(self, region: str, *, as_writer: bool = False) -> bool:
        """Somebody starts the region again, as the standby that its start makes of it, or as the writer that it was.
        False: its power switch does not let anything start."""
        server = self.servers[region]
        if not server.powered:
            return False
        server.running, server.control, server.away = True, True, False
        server.primary, server.read_only = as_writer, False
        stream(self.servers, self.parted)
        return True

    def freeze(self, region: str) -> None:
        self.servers[region].frozen = True

    def thaw(self, region: str) -> None:
        self.servers[region].frozen = False
        stream(self.servers, self.parted)

    def cut(self, region: str) -> None:
        """Nobody reaches the region nor its power switch, and it reaches nobody; what runs in it goes on."""
        self.servers[region].linked = False

    def join(self, region: str) -> None:
        self.servers[region].linked = True
        stream(self.servers, self.parted)

    def part(self, parted: bool = True) -> None:
        """The regions do not reach each other; everybody else reaches both."""
        self.parted = parted
        stream(self.servers, self.parted)

    def hold(self, region: str, held: bool = True) -> None:
        """A standby receives nothing more, or catches up."""
        self.servers[region].held = held
        stream(self.servers, self.parted)

    # What they are made of

    def _state(self, server: Server) -> DatabaseState:
        if not server.answers:
            return DatabaseState(server.region, "unreachable", why=server.why())
        if server.primary:
            return DatabaseState(
                *(server.region, "primary"),
                timeline=server.timeline,
                position=server.written,
                read_only=server.read_only,
                slots=server.slots,
                idle=server.idle,
            )
        return self._standby(server)

    def _standby(self, server: Server) -> DatabaseState:
        primaries = [s for s in self.servers.values() if s.answers and s.primary]
        source = primaries[0] if len(primaries) == 1 else None
        has = max(0, server.written - (server.lag or 0))
        lag = None if source is None or server.lag is None else max(0, source.written - has)
        here = streams(server, self.servers, self.parted)
        return DatabaseState(
            *(server.region, "standby", lag),
            timeline=server.timeline,
            position=has,
            received=has,
            lag_seconds=None if lag is None else float(lag > 0),
            streaming=here,
            synchronous=source is not None and source.waits_for == server.region and here,
            slots=server.slots,
            idle=server.idle,
        )

    def _server(self, region: str, token: Token) -> Server:
        self._epoch_of(token)
        if region not in self.servers:
            raise Refused(f"no database in {region!r}", next_step=f"regions: {', '.join(self.servers)}")
        return self.servers[region]

    def _answering(self, region: str, token: Token) -> Server:
        server = self._server(region, token)
        if not server.answers:
            raise Unreachable(f"{region} does not answer ({server.why()})", next_step="see what has become of it")
        return server

    def _epoch_of(self, token: Token) -> None:
        if token.epoch < 1:
            raise Refused(f"{token.operation} has no lease, so it moves no database", next_step="open an operation")
        with self.world.lock:
            refuse_stale("the database", self._seen_epoch, token.epoch, token.operation)
            self._seen_epoch = token.epoch

    def _do(self, verb: str, server: Server, token: Token, change: Callable[[], None], needed: bool = True) -> None:
        """Faults of a test come at either side of the change; a change that is not needed is no effect."""
        self.faults.on_call(server.region)
        self.faults.due(verb, done=False)
        if needed:
            self.world.perform(Effect("database", verb, server.region, token.epoch, token.operation), change)
        self.faults.due(verb, done=True)

    def _cut_power(self, server: Server) -> None:
        server.stop()
        server.powered = server.control = False

    def _promote(self, server: Server) -> None:
        """Whatever it was told to wait for, or not to do, it was told as a copy of another one."""
        server.primary, server.follows, server.waits_for, server.read_only = True, None, None, False
        server.running = True
        server.timeline = 1 + max(server.timeline, *(s.timeline for s in self.servers.values()))
        server.lag = None

    def _way_back(self, server: Server, source: Server) -> str:
        if server.region in self.cannot_rewind:
            return f"{server.region} was built anew from {source.region}"
        alone = [row for row in server.rows if row not in source.rows]
        if alone or not server.is_behind(source):
            return f"{server.region} was rewound ({ROW * len(alone)} bytes that it alone had are gone)"
        return f"{server.region} goes on from where it was"

    def _follow(self, server: Server, source: Server) -> None:
        server.stop()
        server.powered = server.running = server.control = True
        server.rows, server.timeline, server.follows, server.lag = list(source.rows), source.timeline, source.region, 0
