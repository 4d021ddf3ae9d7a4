"""A whole service on memory drivers, in one thread, on a clock that only moves when somebody sleeps.

While the clock moves, users arrive, the guard looks, and whatever else a test has hooked on happens: so a promotion of
several minutes runs in a second, the same way every time.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import event

from tidegate.checks.model import CheckReport, CheckResult, Severity, Status, verdict_of
from tidegate.drivers import registry
from tidegate.drivers._world import world_of
from tidegate.drivers.artifacts import memory as artifacts_memory
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.compute.memory import MemoryCompute
from tidegate.drivers.credentials import NotingResolver, from_environment
from tidegate.drivers.database.memory import MemoryDatabase
from tidegate.drivers.estate import Estate
from tidegate.drivers.flags.memory import MemoryFlags
from tidegate.drivers.metrics.memory import MemoryMetrics
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.drivers.vault import Vault
from tidegate.engine.adopt import adopt
from tidegate.engine.world import World
from tidegate.errors import Unreachable
from tidegate.guard.watch import Watch
from tidegate.journal.store import Journal
from tidegate.model.flags import NEVER_SET
from tidegate.model.observation import FlagSeen, Observation
from tidegate.model.topology import SERVING, Arm, Slot
from tidegate.model.traffic import canary_split
from tidegate.policy.load import load_policy
from tidegate.policy.schema import Policy

ROOT = Path(__file__).parents[2]
TICK = 0.25  # seconds between two things that happen


@dataclass
class FakeClock:
    """``ticks`` run every quarter of a second of this clock, in order."""

    at: float = 1_800_000_000.0
    ticks: list[Callable[[float], None]] = field(default_factory=list)
    moving: bool = False

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        end = self.at + seconds
        while self.at < end - 1e-9:
            step = min(TICK, end - self.at)
            self.at += step
            if self.moving:
                continue  # a tick that sleeps lets time pass, and nothing else happen
            self.moving = True
            try:
                for tick in list(self.ticks):
                    tick(step)
            finally:
                self.moving = False


@dataclass
class Users:
    """Sticky sessions with a mean life of 30 s; each request goes where the router sends its session.

    ``error_rate``: version -> endpoint -> part of requests that fail. ``slow``: version -> factor on latency. ``dark``:
    regions in which nothing answers; ``class_dark``: likewise of one endpoint class in a region. ``asks``: version ->
    the flags that it asks for, in every request; ``flag_fails``: flag -> part of the requests that fail of those who
    see what is behind it.
    """

    traffic: MemoryTraffic
    compute: MemoryCompute
    metrics: MemoryMetrics
    clock: FakeClock
    rate: float = 130.0
    sessions: int = 150
    seed: int = 7
    error_rate: dict[str, dict[str, float]] = field(default_factory=dict)
    slow: dict[str, float] = field(default_factory=dict)
    peak: dict[Arm, float] = field(default_factory=dict)
    dark: set[str] = field(default_factory=set)
    class_dark: set[tuple[str, str]] = field(default_factory=set)
    flags: MemoryFlags | None = None
    asks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    flag_fails: dict[str, float] = field(default_factory=dict)
    seen: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._live = [self._new() for _ in range(self.sessions)]
        self._count = 0

    def _new(self) -> str:
        return f"s{self._random.getrandbits(48):x}"

    def tick(self, seconds: float) -> None:
        self._live = [self._new() if self._random.random() < seconds / 30 else s for s in self._live]
        state = self.traffic.observe()
        if state.split is None:
            return
        made = []
        for _ in range(round(self.rate * seconds)):
            session = self._random.choice(self._live)
            made.append(self._request(session, state.epoch, seconds))
        self.metrics.push(sorted(made, key=lambda o: o.at + o.milliseconds / 1000))

    def _request(self, session: str, epoch: int, seconds: float) -> Observation:
        split = self.traffic.observe().split
        assert split is not None
        if not self.traffic.admits(session):
            at = self.clock.now() - self._random.random() * seconds
            return Observation(at, None, session, "browse", 503, 0.1, epoch, split, refused=True)
        endpoint = "checkout" if self._random.random() < 0.33 else "browse"
        arm = self.traffic.route(session, endpoint=endpoint)
        version = self.compute.look(arm).version or "none"
        failed = self._random.random() < self.error_rate.get(version, {}).get(endpoint, 0.0005)
        failed = failed or arm.region in self.dark or (arm.region, endpoint) in self.class_dark
        flags = tuple(self._ask(key, session) for key in self.asks.get(version, ()))
        failed = failed or any(f.on and self._random.random() < self.flag_fails.get(f.key, 0.0) for f in flags)
        base = 40.0 if endpoint == "checkout" else 10.0
        took = base * self._random.lognormvariate(0, 0.3) * self.slow.get(version, 1.0)
        at = self.clock.now() - took / 1000 - self._random.random() * seconds
        return Observation(at, arm, session, endpoint, 500 if failed else 200, took, epoch, split, flags)

    def _ask(self, key: str, session: str) -> FlagSeen:
        assert self.flags is not None
        on = self.flags.sees(key, session)
        self.seen |= {(key, session)} if on else set()
        setting = self.flags.observe().flags.get(key, NEVER_SET)
        return FlagSeen(key, on, setting.exposed, self.flags.epochs.get(key, 0))


@dataclass
class Checks:
    """Data checks whose result the test decides: all pass unless ``status`` says otherwise."""

    status: dict[str, Status] = field(default_factory=dict)
    runs: int = 0

    def snapshot(self, specs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return {"tables": {"orders": {"rows": 0}}}

    def elsewhere(self, url: str) -> Checks:
        return self

    def run(
        self, specs: Sequence[Mapping[str, Any]], snapshot: Mapping[str, Any] | None, *, schema_revision: str = ""
    ) -> CheckReport:
        self.runs += 1
        results = tuple(
            CheckResult(
                s["id"], self.status.get(s["id"], Status.PASSED), severity=Severity(s.get("severity", Severity.HOLD))
            )
            for s in specs
        )
        return CheckReport(f"run-{self.runs}", verdict_of(results), results, 0.0, 0.0)


@dataclass
class Rig:
    """Everything a scenario holds in its hands."""

    world: World
    clock: FakeClock
    traffic: MemoryTraffic
    compute: MemoryCompute
    metrics: MemoryMetrics
    users: Users
    watch: Watch
    releases: Mapping[str, Any]
    checks: Checks
    database: MemoryDatabase
    flags: MemoryFlags
    guard_alive: bool = True

    def guard_tick(self, seconds: float) -> None:
        if self.guard_alive:
            self.watch.step()

    def replace_guard(self) -> None:
        """The old guard is gone, a new one takes up what the journal shows."""
        self.watch = Watch(self.world)

    def arms(self) -> list[Arm]:
        return [Arm(region, slot) for region in self.world.policy.shares for slot in SERVING]

    def lose(self, region: str) -> None:
        """Its instances are dead, its control does not answer, its users get nothing."""
        for slot in Slot:
            self.compute.kill(Arm(region, slot))
        self.compute.faults.lost[region] = Unreachable(f"{region} does not answer")
        self.users.dark.add(region)

    def effects_log(self) -> list[Any]:
        """The list itself."""
        return self.traffic.world.effects

    def effects(self) -> list[Any]:
        """What was really done to traffic and compute, in order."""
        return list(self.traffic.world.effects)


def quick_policy(**changes: Any) -> Policy:
    """The shop's policy without roles, migrations, approvals, failover and singletons, unless ``changes`` (parts of
    ``promotion``) say otherwise."""
    policy = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy
    promotion = policy.promotion.model_copy(update={"approvals": (), **changes})
    drivers = policy.drivers.model_copy(update={"migrations": None})
    return policy.model_copy(
        update={"promotion": promotion, "roles": None, "drivers": drivers, "failover": None, "singletons": None}
    )


def throw_away_journal(path: Path, clock: FakeClock, after_commit: Callable[[Any], None] | None) -> Journal:
    """As any, but for waiting for the disk: no power is lost here. ``path`` is made, with its tables, unless it is
    there."""
    if not path.exists():
        path.write_bytes(_empty_journal())
    journal = Journal(f"sqlite:///{path}", clock=clock.now, after_commit=after_commit)
    event.listen(journal._engine, "connect", _wait_for_no_disk)
    return journal


@cache
def _empty_journal() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.sqlite"
        journal = Journal(f"sqlite:///{path}")
        journal.migrate()
        journal.close()
        return path.read_bytes()


def _wait_for_no_disk(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA synchronous=OFF")


def build(
    tmp_path: Path,
    policy: Policy | None = None,
    *,
    after_commit: Callable[[Any], None] | None = None,
    adopted: bool = True,
    guarded: bool = True,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    vault: Vault | None = None,
    schema: Mapping[str, Any] | None = None,
    clock: FakeClock | None = None,
) -> Rig:
    """1.0.0 runs in slot a of both regions; 1.1.0, 1.2.0 and 1.3.0 are on offer. ``settings``: version -> its
    ``configuration``, its ``flags``, and its ``secrets``, which ``vault`` holds. ``schema``: settings of the migrations
    driver; none is connected if left out. ``clock``: of another rig, with which this one then shares its time; under
    one ``tmp_path`` they share their journal too."""
    policy = policy or quick_policy()
    tmp_path.mkdir(parents=True, exist_ok=True)
    clock = clock or FakeClock()
    site = Site(
        policy.service, policy.shares, policy.endpoint_classes, tmp_path, NotingResolver(from_environment), vault
    )  # type: ignore[arg-type]
    memory = world_of(site)
    traffic = registry.connect("traffic", {"kind": "memory"}, site)
    compute = registry.connect("compute", {"kind": "memory"}, site)
    database = registry.connect("database", {"kind": "memory"}, site)
    metrics = registry.connect("metrics", {"kind": "memory"}, site)
    metrics.clock = compute.now = database.now = clock.now
    store = artifacts_memory.store_of(site)
    versions = ("1.0.0", "1.1.0", "1.2.0", "1.3.0")
    releases = {v: store.publish(v, n, **(settings or {}).get(v, {})) for n, v in enumerate(versions, start=1)}
    artifacts = registry.connect("artifacts", {"kind": "memory"}, site)
    flags = registry.connect("flags", {"kind": "memory"}, site)
    journal = throw_away_journal(tmp_path / "journal.sqlite", clock, after_commit)
    migrations = registry.connect("migrations", {"kind": "memory", **schema}, site) if schema else None
    shown = flags if policy.drivers.flags is not None else None
    estate = Estate(site, traffic, compute, metrics, artifacts, database, shown, migrations=migrations)
    checks = Checks()

    world = World(policy, "sha256:policy", estate, journal, checks, clock)
    users = Users(traffic, compute, metrics, clock, flags=flags)
    users.asks = {version: release.flags for version, release in releases.items()}
    rig = Rig(world, clock, traffic, compute, metrics, users, Watch(world), releases, checks, database, flags)
    for region in policy.shares:
        compute.apply(
            Arm(region, Slot.A),
            SlotSpec(releases["1.0.0"], policy.capacity.instances),
            Token(0, "lab"),
            Path,
            lambda: tuple(site.vault(which) for which in releases["1.0.0"].secrets),
        )
    traffic.force(canary_split(policy.shares, Slot.A, {}))
    traffic.healthy = compute.has_healthy
    clock.ticks.append(lambda _: _note_health(rig))
    clock.ticks.append(users.tick)
    if guarded:
        clock.ticks.append(rig.guard_tick)
    clock.sleep(TICK)
    if adopted:
        adopt(world, "1.0.0", person="ann", reason="the shop has run on it for a year")
    memory.effects.clear()
    return rig


def _note_health(rig: Rig) -> None:
    states = {arm: rig.compute.look(arm) for arm in rig.arms()}
    rig.metrics.healthy = {arm: sum(i.healthy for i in s.instances) for arm, s in states.items()}
    rig.metrics.targets = {arm: len(s.instances) for arm, s in states.items()}


__all__ = ["FakeClock", "Rig", "Users", "build", "quick_policy"]
