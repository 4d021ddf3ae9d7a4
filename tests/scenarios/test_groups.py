"""Three services move together: in order there, in reverse home; one fails half-way; whoever carries it dies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.groups import CHAIN, MEMBERS, Storefront, storefront
from tests.support.moving import move
from tidegate.engine.groups import (
    MOVED,
    TURNED_BACK,
    WITHOUT,
    GroupRequest,
    begin_member,
    end_member,
    open_group,
)
from tidegate.errors import Forbidden, Refused
from tidegate.journal.model import Event, EventKind
from tidegate.model.operation import OperationKind, Outcome
from tidegate.plan.group import Heading, Standing, Stands
from tidegate.policy.schema import Roles

AWAY, THERE, AGAIN = OperationKind.FAILOVER, OperationKind.SWITCHOVER, OperationKind.REPROTECT


def lose_east(group: Storefront) -> None:
    for rig in group.rigs.values():
        rig.lose("east")
        rig.database.kill("east")


def settle(group: Storefront) -> None:
    """On record as synchronous, so that a failover needs nobody's signature."""
    for rig in group.rigs.values():
        assert move(rig, AGAIN).outcome is Outcome.REPROTECTED


def test_a_failover_moves_what_is_needed_first(tmp_path: Path) -> None:
    group = storefront(tmp_path)
    settle(group)
    lose_east(group)
    view = group.move(AWAY, "west")
    assert view.outcome == MOVED
    assert group.writers() == dict.fromkeys(MEMBERS, ("west",))
    shop, payments, catalog = (group.span(view, name) for name in MEMBERS)
    assert payments[1] <= shop[0] and catalog[1] <= shop[0], "shop begins when what it needs is there"
    begun = [row.body["member"] for row in group.rows(view, EventKind.GROUP_MEMBER_BEGUN)]
    assert begun == ["payments", "catalog", "shop"]
    assert group.journal.head(CHAIN).lease is None
    assert not group.journal.verify()


def test_a_switchover_there_and_home_in_reverse(tmp_path: Path) -> None:
    group = storefront(tmp_path)
    assert group.move(THERE, "west").outcome == MOVED
    home = group.move(THERE, "east", "two")
    assert home.outcome == MOVED
    assert group.writers() == dict.fromkeys(MEMBERS, ("east",))
    shop, payments, catalog = (group.span(home, name) for name in MEMBERS)
    assert shop[1] <= payments[0] and shop[1] <= catalog[0], "shop leaves before what it needs"


def test_asked_twice_is_once_and_a_second_one_is_refused(tmp_path: Path) -> None:
    group = storefront(tmp_path)
    view = group.ask(THERE, "west")
    assert group.ask(THERE, "west").id == view.id
    with pytest.raises(Refused, match=f"held by {view.id}"):
        group.ask(AWAY, "west", "two")
    group.carry(view)
    rows = len(group.journal.events(CHAIN))
    assert group.carry(group.ask(THERE, "west")).outcome == MOVED
    assert len(group.journal.events(CHAIN)) == rows
    with pytest.raises(Refused, match="is in west already"):
        group.ask(THERE, "west", "three")
    with pytest.raises(Refused, match="there is no region 'wset'") as refused:
        group.ask(THERE, "wset", "four")
    assert "did you mean 'west'" in refused.value.next_step


def blocked(group: Storefront, name: str) -> None:
    """Its standby will not get everything: a switchover of it turns back at the cutover."""
    rig = group.rigs[name]
    rig.database.hold("west")
    rig.database.write("east", "the last order")


def mended(group: Storefront, name: str) -> None:
    group.rigs[name].database.hold("west", held=False)


@pytest.mark.parametrize("policy", ["hold", "go_on"])
def test_one_fails_half_way(tmp_path: Path, policy: str) -> None:
    group = storefront(tmp_path, policy)
    blocked(group, "payments")
    view = group.move(THERE, "west")
    assert not view.closed, "a person decides"
    assert view.standing("payments").word is Stands.FAILED
    assert view.standing("shop") == Standing(Stands.HELD, ("payments",))
    catalog = {"hold": ("east",), "go_on": ("west",)}[policy]
    assert group.writers() == {"shop": ("east",), "payments": ("east",), "catalog": catalog}
    leg = view.leg("payments")
    assert leg is not None and "west has not got everything" in leg.why
    assert group.carry(view).state == view.state, "nothing goes on by itself"


def test_a_person_goes_on_once_it_is_mended(tmp_path: Path) -> None:
    group = storefront(tmp_path)
    blocked(group, "payments")
    view = group.move(THERE, "west")
    mended(group, "payments")
    view = group.carry(group.decide(view, Heading.THERE))
    assert view.outcome == MOVED
    assert group.writers() == dict.fromkeys(MEMBERS, ("west",))
    requests = [leg.parts[0].request for leg in view.legs["payments"]]
    assert requests == [f"{view.id}.payments", f"{view.id}.payments.2"], "another try is another operation"


def test_a_person_goes_on_without_it(tmp_path: Path) -> None:
    group = storefront(tmp_path)
    blocked(group, "payments")
    view = group.move(THERE, "west")
    with pytest.raises(Refused, match="catalog has not failed"):
        group.decide(view, Heading.THERE, ("catalog",))
    view = group.carry(group.decide(view, Heading.THERE, ("payments",)))
    assert view.outcome == MOVED + WITHOUT
    assert group.writers() == {"shop": ("west",), "payments": ("east",), "catalog": ("west",)}


def test_a_person_goes_back(tmp_path: Path) -> None:
    group = storefront(tmp_path, "go_on")
    blocked(group, "payments")
    view = group.move(THERE, "west")
    assert group.writers()["catalog"] == ("west",)
    view = group.carry(group.decide(view, Heading.BACK))
    assert view.outcome == TURNED_BACK
    assert group.writers() == dict.fromkeys(MEMBERS, ("east",))
    assert [(d.person, d.heading) for d in view.decisions] == [("dora", Heading.BACK)]


def test_a_failover_goes_back_by_reprotecting_first(tmp_path: Path) -> None:
    """The lost region has come back while shop could not follow: payments and catalog go home."""
    group = storefront(tmp_path)
    settle(group)
    lose_east(group)
    group.rigs["shop"].database.kill("west")  # nobody there can take over
    view = group.move(AWAY, "west")
    assert view.standing("shop").word is Stands.FAILED
    for name in ("payments", "catalog", "shop"):
        found(group, name)
    group.rigs["shop"].database.comes_back("west")
    view = group.carry(group.decide(view, Heading.BACK))
    leg = view.leg("payments")
    assert leg is not None
    assert [part.kind for part in leg.parts] == [AGAIN, THERE]
    assert (view.outcome, group.writers()["payments"]) == (TURNED_BACK, ("east",)), leg.why


def found(group: Storefront, name: str) -> None:
    from tests.scenarios.test_failover import found as region_is_back

    region_is_back(group.rigs[name], "east")


class Killed(BaseException):
    """Whoever carries the group is dead."""


class Fuse:
    """Burns with the n-th row of the group's own chain, just after it is written."""

    def __init__(self) -> None:
        self.count, self.left = 0, 0

    def __call__(self, event: Event) -> None:
        if event.service != CHAIN:
            return
        self.count += 1
        if self.count == self.left:
            raise Killed


@pytest.mark.parametrize("case", ["all well", "one fails and it goes back"])
def test_killed_at_every_row_of_the_group_and_resumed(tmp_path: Path, case: str) -> None:
    fuse = Fuse()
    wanted = walked(tmp_path / "undisturbed", fuse, case)
    count = fuse.count
    assert count >= 8, f"a matrix of {count} places is no matrix"
    for place in range(1, count + 1):
        fuse = Fuse()
        fuse.left = place
        assert walked(tmp_path / str(place), fuse, case) == wanted, f"killed at {place}"


def walked(tmp_path: Path, fuse: Fuse, case: str) -> dict[str, object]:
    """Everybody who dies is replaced by somebody who asks for the same thing again."""
    group = storefront(tmp_path, "go_on", after_commit=fuse)
    if case != "all well":
        blocked(group, "payments")
    view = again(lambda: group.ask(THERE, "west"), group)
    view = again(lambda: group.carry(view), group)
    if case != "all well":
        view = again(lambda: group.decide(view, Heading.BACK), group)
        view = again(lambda: group.carry(view), group)
    begun = [(r.body["member"], r.body["leg"]) for r in group.rows(view, EventKind.GROUP_MEMBER_BEGUN)]
    ends = [(r.body["member"], r.body["good"]) for r in group.rows(view, EventKind.GROUP_MEMBER_ENDED)]
    assert not group.journal.verify()
    return {
        "outcome": view.outcome,
        "writers": group.writers(),
        "begun": begun,
        "ends": ends,
        "lease": group.journal.head(CHAIN).lease,
    }


def again(act, group):  # type: ignore[no-untyped-def]
    for _ in range(2):
        try:
            return act()
        except Killed:
            for rig in group.rigs.values():
                rig.clock.moving = False
    return act()


def test_free_members_move_side_by_side(tmp_path: Path) -> None:
    """Two threads are inside the two moves at once: each waits for the other before it goes on."""
    import threading

    from tidegate.engine.group_run import carry_group

    group = storefront(tmp_path)
    view = group.ask(THERE, "west")
    both, carrier = threading.Barrier(2, timeout=60), group.carrier(abreast=2)
    met: set[str] = set()

    def say(line: str) -> None:
        name = line.partition(":")[0]
        if name in ("payments", "catalog") and name not in met:
            met.add(name)
            both.wait()

    ended = carry_group(replace(carrier, say=say), "storefront", view.id)
    assert met == {"payments", "catalog"}
    assert ended.outcome == MOVED


def test_nobody_begins_out_of_turn(tmp_path: Path) -> None:
    """Whatever task somebody clears, or marks: the journal says whose turn it is."""
    group = storefront(tmp_path)
    view = group.ask(THERE, "west")
    with pytest.raises(Refused, match="not the turn of shop: waits for payments, catalog"):
        begin_member(group.journal, "storefront", view.id, "shop", actor="somebody in a hurry")
    assert [row.kind for row in group.rows(view)] == [EventKind.GROUP_OPENED]


def test_an_end_that_is_told_late_changes_nothing(tmp_path: Path) -> None:
    """A carrier that slept while its member failed and was tried again wakes up and tells of the first try."""
    group = storefront(tmp_path)
    view = group.ask(THERE, "west")
    first = begin_member(group.journal, "storefront", view.id, "payments", actor="one")
    told = {"why": "turned back", "actor": "one"}
    end_member(group.journal, "storefront", view.id, "payments", first, good=False, **told)  # type: ignore[arg-type]
    group.decide(view, Heading.THERE)
    begin_member(group.journal, "storefront", view.id, "payments", actor="two")
    end_member(group.journal, "storefront", view.id, "payments", first, good=False, **told)  # type: ignore[arg-type]
    assert group.read(view).standing("payments").word is Stands.MOVING


def test_who_may_not_may_not_for_a_group(tmp_path: Path) -> None:
    """Dora is nothing to payments: she neither begins what would move it, nor decides about it; nor does Cat's wish
    for the others go through in part."""
    group = storefront(tmp_path)
    payments = group.rigs["payments"]
    roles = Roles(viewer=("dora",), operator=("cat",), approver=("ann", "ben"))
    payments.world = replace(payments.world, policy=payments.world.policy.model_copy(update={"roles": roles}))
    request = GroupRequest(THERE, "hers", "dora", "a test", "west")
    with pytest.raises(Forbidden, match="dora may not request on payments"):
        open_group(group.journal, group.group, group.policies, request, actor="dora")
    assert group.journal.events(CHAIN) == []
    view = group.ask(THERE, "west")
    with pytest.raises(Forbidden, match="dora may not control on payments"):
        group.decide(view, Heading.BACK)


def test_one_that_is_stuck_goes_on_once_it_is_mended(tmp_path: Path) -> None:
    """Behind the fence there is no way back for it: its operation stays open, and the group waits for it."""
    group = storefront(tmp_path)
    group.rigs["payments"].database.faults.fail_at("promote_database", Refused("not now"))
    view = group.move(THERE, "west")
    assert view.standing("payments").word is Stands.STUCK
    assert view.standing("shop") == Standing(Stands.HELD, ("payments",))
    ended = group.carry(group.decide(view, Heading.THERE))
    assert ended.outcome == MOVED
    assert len(ended.legs["payments"]) == 1, "it went on as the operation that it was"


def test_one_that_was_stuck_and_finished_by_hand_is_noticed(tmp_path: Path) -> None:
    from tidegate.engine.runner import drive

    group = storefront(tmp_path)
    group.rigs["payments"].database.faults.fail_at("promote_database", Refused("not now"))
    view = group.move(THERE, "west")
    (leg,) = view.legs["payments"]
    drive(group.rigs["payments"].world, leg.parts[0].operation, actor="ann")
    assert group.carry(view).outcome == MOVED
