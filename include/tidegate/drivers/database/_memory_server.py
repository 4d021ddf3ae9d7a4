"""Database servers that are only said to exist: what each holds, whom it follows, and what was done to it.

A row is a hundred bytes of log. A standby that is connected has every row at once, unless it is held. Histories part
when a standby is promoted that has not got everything, or when the old primary goes on writing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

ROW = 100  # bytes of log
START = 0x3000000  # position of an empty database


@dataclass
class Server:
    """``powered``: the switch outside it is on. ``running``: the server's process. ``control``: its region's own
    control is alive. ``frozen``: its processes stand still. ``linked``: the rest of the world reaches the region, and
    the region the world. ``held``: a standby that receives nothing more for now. ``lag``: bytes that it is said to be
    behind besides; None: not known. ``told``: the role it was told to show, if it has no say in it. ``slots``: what
    holds its log back; ``idle``: those that nobody reads."""

    region: str
    primary: bool
    powered: bool = True
    running: bool = True
    control: bool = True
    frozen: bool = False
    linked: bool = True
    held: bool = False
    away: bool = False
    read_only: bool = False
    timeline: int = 1
    lag: int | None = None
    follows: str | None = None
    waits_for: str | None = None
    rows: list[str] = field(default_factory=list)
    slots: tuple[str, ...] = ()
    idle: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """It can do something, whoever may reach it."""
        return self.powered and self.running and not self.frozen and not self.away

    @property
    def answers(self) -> bool:
        return self.alive and self.linked

    @property
    def writable(self) -> bool:
        """It would accept a write of somebody beside it."""
        return self.alive and self.primary and not self.read_only

    @property
    def written(self) -> int:
        return START + ROW * len(self.rows)

    def why(self) -> str:
        """Why it does not answer."""
        states = (
            (self.away, "told to be away"),
            (not self.powered, "it has no power"),
            (not self.linked, "it is cut off"),
            (self.frozen, "it stands still"),
        )
        return next((why for so, why in states if so), "it does not run")

    def has_all_of(self, other: Server) -> bool:
        return self.rows[: len(other.rows)] == other.rows

    def is_behind(self, other: Server) -> bool:
        """Its history is the beginning of the other's, so that it can follow."""
        return other.rows[: len(self.rows)] == self.rows

    def stop(self) -> None:
        """Whatever starts it later starts it as a standby."""
        self.running = self.primary = self.read_only = self.frozen = False
        self.waits_for = None


def stream(servers: dict[str, Server], parted: bool) -> None:
    """Every standby that can gets what its primary has."""
    for one in servers.values():
        if streams(one, servers, parted) and not one.held:
            source = servers[one.follows or ""]
            one.rows, one.timeline = list(source.rows), source.timeline


def streams(one: Server, servers: dict[str, Server], parted: bool) -> bool:
    """Whether a standby's line to its primary is up."""
    source = servers.get(one.follows or "")
    if source is None or one.primary or parted or not (one.answers and source.answers):
        return False
    return source.primary and one.is_behind(source)
