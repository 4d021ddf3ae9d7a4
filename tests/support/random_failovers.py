"""Failovers at random: how the region is lost, what was under way, which call fails and how, when whoever carries it
dies, who comes back when. At most one writer at every instant, no effect twice, nothing acknowledged lost that was on
record, and the chain verifies.

``TIDEGATE_FAILOVERS``: how many; ``TIDEGATE_SEED``: of the first. A failure names its seed.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.scenarios.test_crash_matrix import Fuse, Killed
from tests.support.estate import Rig, build
from tests.support.moving import Writers, both_sign, moving_policy, open_move, placement
from tests.support.operations import now, settle
from tidegate.engine.execute import run_step
from tidegate.engine.runner import Halt, drive
from tidegate.engine.section import run_section
from tidegate.engine.view import OperationView
from tidegate.errors import EffectError, LeaseLost, NotSettled, OutcomeUnknown, Refused, Unreachable
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.model import ApprovalNode, Step

COUNT, SEED = int(os.environ.get("TIDEGATE_FAILOVERS", "1000")), int(os.environ.get("TIDEGATE_SEED", "20261123"))
ROUNDS = 10  # on one estate, one after the other
ESTATES = range(-(-COUNT // ROUNDS))
AWAY, THERE, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT
VERBS = ("quiesce", "fence", "promote_database", "reprotect", "synchronise")
ERRORS: tuple[Callable[[], EffectError], ...] = (
    lambda: OutcomeUnknown("no answer"),
    lambda: Unreachable("not sent"),
    lambda: NotSettled("not yet"),
)


class Story:
    """One estate, and a dice. ``said``: what happened, for whoever reads a failure."""

    def __init__(self, path: Path, seed: int) -> None:
        self.dice, self.fuse, self.said = random.Random(seed), Fuse(), [f"seed {seed}"]
        self.rig = build(
            path, moving_policy(synchronous="block", gate_within="20s"), after_commit=self.fuse, guarded=False
        )
        self.rig.users.rate = 16.0
        self.clients = Writers(self.rig.database)
        self.rig.clock.ticks.append(self.clients.tick)
        self.rig.traffic.world.after_effect = self._after
        self.drive_on(open_move(self.rig, AGAIN))

    def _after(self, effect: Any) -> None:
        self.clients.look()
        self.fuse(effect)

    def note(self, words: str) -> None:
        self.said.append(words)

    def round(self) -> None:
        rig, dice = self.rig, self.dice
        (writer,) = rig.database.writers()
        lower = self.something_under_way(writer)
        self.lose(writer)
        if dice.random() < 0.5:
            verb, error = dice.choice(VERBS), dice.choice(ERRORS)()
            rig.database.faults.fail_at(verb, error)
            self.note(f"{verb} fails once: {type(error).__name__}")
        try:
            view = open_move(rig, AWAY)
        except (Refused, Unreachable) as refused:  # the switchover has moved the writer already, or stopped the other
            self.note(f"refused: {refused.message}")
            assert lower is not None
            self.fuse.left = None
            self.find(writer)
            self.drive_on(lower)
            return
        self.carry(view, writer, lower)
        self.fuse.left = None  # whoever was to die has ended before that
        self.find(writer)
        self.drive_on(open_move(rig, AGAIN))

    def something_under_way(self, writer: str) -> OperationView | None:
        """A switchover that has got to some node."""
        self.rig.database.faults._at.clear()  # what was to go wrong in the last round, and was not asked for
        if self.dice.random() < 0.6:
            return None
        (other,) = set(self.rig.world.policy.shares) - {writer}
        view = open_move(self.rig, THERE, other)
        nodes = [
            node for stage, node in view.plan.nodes() if stage.id in ("admit", "snapshot", "scale", "shift", "cutover")
        ]
        for node in nodes[: self.dice.randrange(1, len(nodes) + 1)]:
            settle(self.rig, view, node)
            self.note(f"switchover: {node.id}")
        return view

    def lose(self, writer: str) -> None:
        how = self.dice.choice(("kill", "crash", "freeze", "cut", "power_off", "nothing"))
        self.note(f"{writer}: {how}")
        if how != "nothing":
            getattr(self.rig.database, how)(writer)

    def find(self, region: str) -> None:
        """It is reached again, and somebody starts it."""
        database = self.rig.database
        database.join(region)
        database.thaw(region)
        if not database.servers[region].running:
            database.comes_back(region)

    def carry(self, view: OperationView, writer: str, lower: OperationView | None) -> None:
        """Carried by one who dies, then by the next; the old primary does what it can to write meanwhile."""
        kills = self.dice.choice((0, 0, 1, 2))
        for _ in range(12):
            if self.dice.random() < 0.5:
                self.old_primary_comes_back(writer)
            if lower is not None:
                self.stale(lower)
            self.fuse.left = self.dice.randrange(1, 30) if kills else None
            kills = max(0, kills - 1)
            try:
                if self.dice.random() < 0.5:
                    with contextlib.suppress(EffectError):
                        run_section(self.rig.world, view.id, "declare.measure", actor="guard")
                done = drive(self.rig.world, view.id, actor="test", ask=self.sign_if_it_is_off(writer))
            except Killed:
                self.note("whoever carried it is dead")
                self.rig.clock.moving = False
                continue
            except Halt as halt:
                self.note(str(halt))
                self.find(writer) if self.dice.random() < 0.7 else None
                continue
            self.note(str(done.outcome))
            if done.outcome is Outcome.FAILED_OVER:
                return
            self.find(writer)
            self.fuse.left = None
            view = open_move(self.rig, AWAY)
        raise AssertionError("it never ended")

    def old_primary_comes_back(self, writer: str) -> None:
        self.rig.database.thaw(writer)
        server = self.rig.database.servers[writer]
        if not server.running:
            self.rig.database.comes_back(writer)  # its start makes a standby of it, always
        self.clients.look()

    def sign_if_it_is_off(self, writer: str) -> Any:
        """People sign only for what somebody has seen: that the old primary takes no writes, and cannot begin to."""
        signing = both_sign(self.rig.world)

        def ask(view: OperationView, node: ApprovalNode) -> None:
            server = self.rig.database.servers[writer]
            if not server.writable and not server.primary:
                signing(view, node)

        return ask

    def stale(self, lower: OperationView) -> None:
        """The switchover's worker wakes up."""
        steps = [node for _, node in lower.plan.nodes() if isinstance(node, Step)]
        if now(self.rig, lower).outcome is Outcome.SUPERSEDED:
            with contextlib.suppress(LeaseLost, Refused):
                report = run_step(self.rig.world, lower.id, self.dice.choice(steps).id, actor="its worker")
                assert report.outcome == "already_verified", report

    def drive_on(self, view: OperationView) -> None:
        """To its end, however often somebody has to clear a task."""
        self.fuse.left = None
        for _ in range(8):
            try:
                ended = drive(self.rig.world, view.id, actor="test")
            except Halt as halt:
                self.note(str(halt))
                continue
            if ended.outcome in (Outcome.REPROTECTED, Outcome.SWITCHED_OVER, Outcome.TURNED_BACK):
                return
            view = open_move(self.rig, AGAIN)
        raise AssertionError(f"{view.id} does not end")


def play(tmp_path: Path, number: int) -> None:
    """Ten of them on one estate; ``number`` makes the seed."""
    story = Story(tmp_path, SEED + number)
    rig: Rig = story.rig
    try:
        for _ in range(ROUNDS):
            story.round()
            rig.clock.sleep(1)
            assert story.clients.most <= 1, "two writers"
            assert len(rig.database.writers()) == 1, "nobody, or two"
        effects = [(e.verb, e.target, e.epoch) for e in rig.effects_log() if e.family == "database"]
        assert len(effects) == len(set(effects)), "an effect twice under one epoch"
        where = placement(rig)
        assert where is not None
        assert where.protected
        assert story.clients.lost(where.primary) == [], "synchronous, on record, and lost"
        assert rig.world.journal.head("shop").lease is None
        assert rig.world.journal.verify("shop") == []
    except AssertionError as error:
        raise AssertionError(f"{error}\n" + "\n".join(story.said)) from error
