"""A restored database takes the live one's place: counted, signed for, in one step, the replaced one kept. On memory
drivers; real PostgreSQL: ``tests/contracts/test_swap.py``."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.test_crash_matrix import Fuse, Killed
from tests.support.estate import Rig, build
from tests.support.moving import both_sign, moving_policy
from tests.support.operations import open_promotion
from tidegate.checks.model import Status
from tidegate.drivers.backups.contract import TableDifference
from tidegate.drivers.backups.memory import MemoryBackups, Settings
from tidegate.engine import backups
from tidegate.engine.approve import give_approval
from tidegate.engine.control import abort
from tidegate.engine.execute import run_step
from tidegate.engine.open import Request, open_operation
from tidegate.engine.runner import AskPeople, Halt, drive, nobody
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.errors import GivesWay, LeaseLost, NotYet, OutcomeUnknown, Refused
from tidegate.journal.model import EventKind
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.failover import failover_plan
from tidegate.plan.names import APPROVE_SWAP, COMPARE_NODE, REPLACED_NODE, SWAP_NODE
from tidegate.plan.restore import restore_plan
from tidegate.policy.backups import Backups
from tidegate.policy.schema import Driver
from tidegate.report.headline import headline

SPOILT = (TableDifference("orders", 1051, 1050, 22, 21), TableDifference("sessions", 4, 4, 0, 0))


@dataclass
class Bench:
    """``restored``: id of one that was restored beside, and passed its checks."""

    rig: Rig
    world: World
    driver: MemoryBackups
    restored: str = ""

    def restore(self) -> str:
        found = backups.restore(self.world, None, person="cat", reason="a bad update", actor="test")
        self.restored = found.restored.id
        return self.restored

    def open(self, restored: str = "", request_id: str = "swap") -> OperationView:
        request = Request(OperationKind.RESTORE, request_id, "cat", "a bad update", restored or self.restored)
        plan = restore_plan(self.world.policy, self.world.policy_digest)
        return open_operation(self.world, request, plan, actor="test")

    def drive(self, view: OperationView, ask: AskPeople | None = None) -> OperationView:
        return drive(self.world, view.id, actor="test", ask=ask or both_sign(self.world))

    def verbs(self) -> Counter[str]:
        return Counter(e.verb for e in self.rig.effects_log() if e.family == "backups")


def make(path: Path, after_commit: Callable[[Any], None] | None = None) -> Bench:
    policy = moving_policy()
    drivers = policy.drivers.model_copy(update={"backups": Driver(kind="memory")})
    policy = policy.model_copy(update={"drivers": drivers, "backups": Backups()})
    rig = build(path, policy, after_commit=after_commit, guarded=False) if after_commit else build(path, policy)
    driver = MemoryBackups(Settings(), rig.world.estate.site)
    driver.clock = rig.clock.now
    driver.take(keep=3)
    driver.archived_until = rig.clock.now()
    driver.differences = SPOILT
    made = Bench(
        rig, dataclasses.replace(rig.world, estate=dataclasses.replace(rig.world.estate, backups=driver)), driver
    )
    made.restore()
    rig.effects_log().clear()
    return made


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make(tmp_path)


def test_it_is_counted_signed_for_and_swapped_in_and_the_replaced_one_is_kept(bench: Bench) -> None:
    shown: list[str] = []

    def ask(view: OperationView, node: Any) -> None:
        assert bench.driver.live == "", "nothing is swapped before they have signed"
        shown.extend(one["node"] for one in view.requested[node.id]["evidence"])
        assert "lost by it, as of now: orders 22 of 1051" in view.node(COMPARE_NODE).detail
        assert "wait" in headline(view, "", guard_alive=True).safe
        both_sign(bench.world)(view, node)

    done = bench.drive(bench.open(), ask)
    assert (done.outcome, bench.driver.live) == (Outcome.RESTORED, bench.restored)
    assert COMPARE_NODE in shown, "the count is what they sign"
    assert bench.verbs() == {"load": 1, "swap": 1}
    assert done.facts[REPLACED_NODE]["lost"] == {"orders": 22}
    assert "snapshot" in done.facts["snapshot.take"], "later checks compare with what is live now"
    page = headline(done, "", guard_alive=True)
    assert f"replaced_{bench.restored}" in page.changed, "the page says where what was there is kept"
    assert bench.world.journal.head("shop").lease is None
    with pytest.raises(Refused, match="is stale"):
        bench.open(request_id="once more")


def test_nobody_signs_and_nothing_is_left(bench: Bench) -> None:
    done = bench.drive(bench.open(), nobody)
    assert (done.outcome, bench.driver.live, bench.driver.copies) == (Outcome.TURNED_BACK, "", set())
    assert "the live database was not touched" in headline(done, "nobody", guard_alive=True).safe
    assert bench.drive(bench.open(request_id="again")).outcome is Outcome.RESTORED


def test_one_of_two_is_not_enough_and_the_requester_is_nobody(bench: Bench) -> None:
    def ask(view: OperationView, node: Any) -> None:
        if not view.approvals:
            give_approval(
                bench.world, view.id, node.id, person="ann", plan_digest=view.plan_digest, actor="airflow ann"
            )
        with pytest.raises(Refused):
            give_approval(
                bench.world, view.id, node.id, person="cat", plan_digest=view.plan_digest, actor="airflow cat"
            )

    assert bench.drive(bench.open(), ask).outcome is Outcome.TURNED_BACK
    assert bench.driver.live == ""


def _gone(bench: Bench) -> None:
    backups.discard(bench.world, bench.restored, person="cat", reason="not needed", actor="test")


def _violated(bench: Bench) -> None:
    bench.rig.checks.status["totals_are_equal"] = Status.VIOLATED
    bench.restore()


def _anothers(bench: Bench) -> None:
    """The place knows it, this service's journal does not."""
    bench.restored = bench.driver.restore(None).id


def _no_writer(bench: Bench) -> None:
    bench.rig.database.set("east", "unreachable")


@pytest.mark.parametrize(
    ("happens", "says"),
    [
        (_gone, "was discarded"),
        (_violated, "so it is not put in anybody's place"),
        (_anothers, "was ever checked"),
        (_no_writer, "no database takes writes"),
    ],
    ids=["discarded", "checks violated", "another service's", "nobody takes writes"],
)
def test_what_is_not_fit_is_refused_before_anything(bench: Bench, happens: Callable[[Bench], None], says: str) -> None:
    happens(bench)
    with pytest.raises(Refused, match=says):
        bench.open()
    assert bench.verbs() == {}
    assert bench.world.journal.head("shop").lease is None


def _stands_elsewhere(bench: Bench) -> None:
    was = bench.driver.beside[bench.restored]
    bench.driver.beside[bench.restored] = dataclasses.replace(was, position=was.position + 1)


def _stopped(bench: Bench) -> None:
    bench.driver.beside[bench.restored] = bench.driver.beside[bench.restored].stopped()


def _fails_now(bench: Bench) -> None:
    bench.rig.checks.status["totals_are_equal"] = Status.VIOLATED


@pytest.mark.parametrize(
    ("happens", "says"),
    [(_stands_elsewhere, "was checked at"), (_stopped, "does not run"), (_fails_now, "data checks on")],
    ids=["another state", "stopped", "today's checks"],
)
def test_what_is_stale_is_refused_with_nothing_touched(
    bench: Bench, happens: Callable[[Bench], None], says: str
) -> None:
    view = bench.open()
    happens(bench)
    done = bench.drive(view)
    assert done.outcome is Outcome.REFUSED
    assert says in done.why_back
    assert bench.verbs() == {}


def test_a_copy_that_is_not_what_was_restored_is_never_swapped_in(bench: Bench) -> None:
    bench.driver.halves.add(bench.restored)
    done = bench.drive(bench.open())
    assert done.outcome is Outcome.TURNED_BACK
    assert (bench.driver.live, bench.driver.copies) == ("", set())


def test_names_that_do_not_change_hands_turn_it_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody would not leave, each time: nothing was changed, so what was loaded is dropped."""
    busy = NotYet("somebody would not leave")
    monkeypatch.setattr(bench.driver, "_exchange", lambda _: (_ for _ in ()).throw(busy))
    done = bench.drive(bench.open())
    assert (done.outcome, bench.driver.live, bench.driver.copies) == (Outcome.TURNED_BACK, "", set())


def test_whether_it_was_swapped_is_looked_at_and_never_turned_back(bench: Bench) -> None:
    view = bench.open()
    bench.driver.faults.fail_at("swap", OutcomeUnknown("no answer"))
    done = bench.drive(view)
    assert done.outcome is Outcome.RESTORED
    assert bench.verbs()["swap"] == 1


def test_behind_the_swap_nobody_aborts(bench: Bench) -> None:
    view = bench.open()
    for _, node in view.plan.nodes():
        if node.id == APPROVE_SWAP:
            break
        run_step(bench.world, view.id, node.id, actor="test")
    with pytest.raises(Refused, match="comes after copy"):
        run_step(bench.world, view.id, SWAP_NODE, actor="test")
    bench.driver.late = ("west",)
    bench.rig.checks.status["totals_are_equal"] = Status.VIOLATED
    with pytest.raises(Halt, match=r"verify\.data"):
        bench.drive(view)
    with pytest.raises(Refused, match="point of no return"):
        abort(bench.world, view.id, person="cat", reason="no", actor="test")
    bench.rig.checks.status["totals_are_equal"] = Status.PASSED
    done = bench.drive(view)
    assert done.outcome is Outcome.RESTORED
    assert "NOT YET IN west" in done.node("verify.follow").detail


def test_what_was_superseded_swaps_nothing_more(bench: Bench) -> None:
    """A failover takes the service while it waits; whoever carried the swap wakes up."""
    view = bench.open()
    for _, node in view.plan.nodes():
        if node.id == APPROVE_SWAP:
            break
        run_step(bench.world, view.id, node.id, actor="test")
    request = Request(OperationKind.FAILOVER, "f", "cat", "east is lost", "west")
    plan = failover_plan(bench.world.policy, bench.world.policy_digest)
    open_operation(bench.world, request, plan, actor="test")
    with pytest.raises((LeaseLost, Refused)):
        run_step(bench.world, view.id, SWAP_NODE, actor="test")
    (closed,) = bench.world.journal.events("shop", operation=view.id, kinds={EventKind.OPERATION_CLOSED})
    assert bench.restored in closed.body["debts"][0]["what"]
    assert bench.driver.live == ""


def test_a_promotion_makes_room_for_it(bench: Bench) -> None:
    """It may be the promotion that spoils the data."""
    promotion = open_promotion(bench.rig, "1.1.0")
    with pytest.raises(GivesWay):
        bench.open()
    drive(bench.world, promotion.id, actor="test")
    assert bench.drive(bench.open()).outcome is Outcome.RESTORED


def test_killed_anywhere_and_resumed_it_ends_the_same_with_no_effect_twice(tmp_path: Path) -> None:
    """At both sides of every effect, and after every row of the journal."""
    fuse = Fuse()
    bench = make(tmp_path / "undisturbed", fuse)
    view = bench.open()
    for hook in ("before_effect", "after_effect"):
        setattr(bench.driver.world, hook, fuse)
    fuse.count = 0
    assert bench.drive(view).outcome is Outcome.RESTORED
    assert fuse.count > 15
    for place in range(1, fuse.count + 1):
        again = Fuse()
        one = make(tmp_path / str(place), again)
        view = one.open()
        for hook in ("before_effect", "after_effect"):
            setattr(one.driver.world, hook, again)
        again.left = place
        with pytest.raises(Killed):
            one.drive(view)
        one.rig.clock.moving = False
        done = drive(one.world, view.id, actor="two", ask=both_sign(one.world))
        assert (place, done.outcome, one.driver.live) == (place, Outcome.RESTORED, one.restored)
        assert (place, one.verbs()) == (place, {"load": 1, "swap": 1})
        assert one.world.journal.verify("shop") == []
