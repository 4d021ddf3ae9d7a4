"""A group's state space, all of it: every dependency graph of up to four members, both policies of partial failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import combinations, permutations

import pytest

from tidegate.errors import Refused
from tidegate.model.order import circle, waves
from tidegate.plan.group import (
    UNDER_WAY,
    Heading,
    Member,
    Shape,
    Standing,
    Stands,
    State,
    WhenOneFails,
    Where,
    begin,
    decide,
    ended,
    free,
    over,
    standing,
    stuck,
)

Edges = frozenset[tuple[int, int]]
STOREFRONT = {"shop": ("payments", "catalog"), "payments": (), "catalog": ()}


def graphs(size: int) -> list[dict[str, tuple[str, ...]]]:
    """Every dependency graph of that many members, each shape once."""
    pairs = list(combinations(range(size), 2))
    seen: set[Edges] = set()
    found = []
    for picked in range(2 ** len(pairs)):
        edges = frozenset(pair for index, pair in enumerate(pairs) if picked >> index & 1)
        same = min(
            (tuple(sorted((order[a], order[b]) for a, b in edges)) for order in permutations(range(size))),
        )
        if frozenset(same) not in seen:
            seen.add(frozenset(same))
            found.append({f"m{i}": tuple(f"m{b}" for a, b in sorted(edges) if a == i) for i in range(size)})
    return found


def test_there_are_as_many_shapes_as_the_literature_says() -> None:
    """OEIS A003087: acyclic digraphs with n unlabelled nodes."""
    assert [len(graphs(size)) for size in (1, 2, 3, 4)] == [1, 2, 6, 31]


def moves(shape: Shape, state: State) -> Iterator[tuple[str, State]]:
    """What can happen next, without anybody deciding. Each begins with its kind."""
    for name in free(shape, state):
        yield "begin", begin(shape, state, name)
    for name, member in zip(shape.names, state.members, strict=True):
        if member.where in UNDER_WAY:
            yield "good", ended(shape, state, name, good=True)
            yield "bad", ended(shape, state, name, good=False)
            if not member.failed:
                yield "bad", stuck(shape, state, name)


def decisions(shape: Shape, state: State, *, leaving_out: bool) -> Iterator[tuple[str, State]]:
    failed = [n for n, m in zip(shape.names, state.members, strict=True) if m.failed]
    for heading in Heading if shape.way_back else (Heading.THERE,):
        for without in ((), failed) if leaving_out and failed else ((),):
            yield f"decide {heading}", decide(shape, state, heading, without)


Graph = dict[State, list[tuple[str, State]]]


def explored(shape: Shape, *, leaving_out: bool = True) -> Graph:
    """Every state that can be reached, with what can happen in it. A group that is over stays over."""
    graph: Graph = {}
    left = deque([shape.begins()])
    while left:
        state = left.popleft()
        if state in graph:
            continue
        begun = any(member != Member() for member in state.members) or state.heading is Heading.BACK
        done = begun and over(shape, state)
        graph[state] = [] if done else [*moves(shape, state), *decisions(shape, state, leaving_out=leaving_out)]
        left.extend(after for _, after in graph[state])
    return graph


def reaching(graph: Graph, goals: set[State], *, allowed: set[str]) -> set[State]:
    """The states from which a goal can be reached by what is allowed."""
    back: dict[State, list[State]] = {}
    for state, following in graph.items():
        for kind, after in following:
            if kind in allowed:
                back.setdefault(after, []).append(state)
    found, left = set(goals), deque(goals)
    while left:
        for state in back.get(left.popleft(), ()):
            if state not in found:
                found.add(state)
                left.append(state)
    return found


def at(graph: Graph, where: Where) -> set[State]:
    return {state for state in graph if all(member.where is where for member in state.members)}


@pytest.mark.parametrize("policy", WhenOneFails)
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_state_blocks_going_on_or_going_back(size: int, policy: WhenOneFails, reverse: bool) -> None:
    for needs in graphs(size):
        holds(Shape(needs, policy, reverse))


@pytest.mark.parametrize("policy", WhenOneFails)
@pytest.mark.parametrize("number", range(31))
def test_no_state_of_four_members_blocks_either(number: int, policy: WhenOneFails) -> None:
    """Nobody is left out here: with three members that is looked at as well."""
    holds(Shape(graphs(4)[number], policy), leaving_out=False)


def holds(shape: Shape, *, leaving_out: bool = True) -> None:
    graph = explored(shape, leaving_out=leaving_out)
    steps = {"begin", "good", *(f"decide {heading}" for heading in Heading)}
    for where, meant in ((Where.TARGET, "going on"), (Where.SOURCE, "going back")):
        able = reaching(graph, at(graph, where), allowed=steps)
        over_elsewhere = {s for s in graph if not graph[s]}
        blocked = set(graph) - able - over_elsewhere
        assert not blocked, f"{shape.needs}: {meant} is blocked in {next(iter(blocked))}"
    for state in graph:
        somebody_can(shape, graph, state)


def somebody_can(shape: Shape, graph: Graph, state: State) -> None:
    """Either something is under way, or somebody may begin, or the group is over, or a person is told whom it hangs
    on: never a wait for nobody."""
    if not graph[state]:
        return
    standings = [standing(shape, state, name) for name in shape.names]
    acts = {Stands.NEXT, Stands.MOVING, Stands.STUCK, Stands.FAILED}
    assert any(s.word in acts for s in standings) or over(shape, state), f"{shape.needs}: {state} waits for nobody"
    for one in standings:
        assert bool(one.because) == (one.word in (Stands.WAITS, Stands.HELD))


@pytest.mark.parametrize("policy", WhenOneFails)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_whoever_is_away_has_what_it_needs_away(size: int, policy: WhenOneFails) -> None:
    """Nobody left out: what is needed is at the target for as long as anybody who needs it is not at the source."""
    for needs in graphs(size):
        shape = Shape(needs, policy)
        for state in within(shape):
            where = dict(zip(shape.names, (m.where for m in state.members), strict=True))
            for name in shape.names:
                if where[name] is not Where.SOURCE:
                    assert all(where[need] is Where.TARGET for need in needs[name]), f"{needs}: {state}"


def within(shape: Shape) -> set[State]:
    """The states that are reached while nobody is left out."""
    seen: set[State] = set()
    left = deque([shape.begins()])
    while left:
        state = left.popleft()
        if state not in seen:
            seen.add(state)
            left.extend(after for _, after in moves(shape, state))
            left.extend(decide(shape, state, heading) for heading in Heading)
    return seen


@pytest.mark.parametrize("size", [1, 2, 3])
def test_one_that_fails_for_good_blocks_nobody_else(size: int) -> None:
    """However often it is tried: with a person's decisions all others get there, and all get back who have left."""
    for needs in graphs(size):
        for broken in range(size):
            shape = Shape(needs)
            graph = explored(shape)
            never = {s for s in graph if s.members[broken].where not in (Where.SOURCE, Where.LEAVING)}
            kept = {s: [(k, a) for k, a in f if a not in never] for s, f in graph.items() if s not in never}
            rest = {
                s for s in kept
                if all(m.where is Where.TARGET for i, m in enumerate(s.members) if i != broken)
            }  # fmt: skip
            steps = {"begin", "good", "bad", *(f"decide {heading}" for heading in Heading)}
            ended_early = {s for s in kept if not kept[s]}
            assert not set(kept) - reaching(kept, rest, allowed=steps) - ended_early, f"{needs} without m{broken}"


def test_what_is_needed_moves_first_and_returns_last() -> None:
    shape = Shape(STOREFRONT)
    assert waves(STOREFRONT) == (("payments", "catalog"), ("shop",))
    state = shape.begins()
    assert free(shape, state) == ("payments", "catalog")
    assert standing(shape, state, "shop") == Standing(Stands.WAITS, ("payments", "catalog"))
    for name in ("payments", "catalog", "shop"):
        state = ended(shape, begin(shape, state, name), name, good=True)
    assert over(shape, state)
    state = decide(shape, state, Heading.BACK)
    assert free(shape, state) == ("shop",)
    assert standing(shape, state, "payments") == Standing(Stands.WAITS, ("shop",))


@pytest.mark.parametrize(
    ("policy", "catalog"),
    [(WhenOneFails.HOLD, Standing(Stands.HELD, ("payments",))), (WhenOneFails.GO_ON, Standing(Stands.NEXT))],
)
def test_who_is_held_when_one_fails(policy: WhenOneFails, catalog: Standing) -> None:
    shape = Shape(STOREFRONT, policy)
    state = ended(shape, begin(shape, shape.begins(), "payments"), "payments", good=False)
    assert standing(shape, state, "payments") == Standing(Stands.FAILED)
    assert standing(shape, state, "catalog") == catalog
    assert standing(shape, state, "shop") == Standing(Stands.HELD, ("payments",))
    with pytest.raises(Refused, match="not the turn of shop: held by payments"):
        begin(shape, state, "shop")


def test_a_decision_is_the_same_however_often_it_is_said() -> None:
    shape = Shape(STOREFRONT)
    state = ended(shape, begin(shape, shape.begins(), "payments"), "payments", good=False)
    once = decide(shape, state, Heading.THERE, ["payments"])
    assert decide(shape, once, Heading.THERE, ["payments"]) == once
    assert standing(shape, once, "payments") == Standing(Stands.LEFT_OUT)
    with pytest.raises(Refused, match="catalog has not failed"):
        decide(shape, state, Heading.THERE, ["catalog"])
    with pytest.raises(Refused, match="no way back"):
        decide(Shape(STOREFRONT, way_back=False), state, Heading.BACK)


def test_circles_are_named() -> None:
    assert circle(STOREFRONT) == ()
    assert circle({"a": ("b",), "b": ("c",), "c": ("b",)}) == ("b", "c", "b")
    assert circle({"a": ("a",)}) == ("a", "a")
