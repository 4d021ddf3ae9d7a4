"""The scenarios of the story, in the order in which they are told. Values only."""

from __future__ import annotations

from typing import Any

from lab.story.moving_scenarios import MOVES
from lab.story.scenario import AS_BEFORE, NOBODY_ASKS, Disturbance, Expectation, Scenario


def _bad(name: str, version: str, title: str, signal: str, **more: Any) -> Scenario:
    wanted = {"signal": signal, "rung": "traffic", **more.pop("expect", {})}
    expect = Expectation("rolled_back", "failed", data_checked=True, exit_code=10, **wanted)
    conf = {"version": version, "reason": title}
    expected = f"caught by {signal}, traffic safe within 1 s; the ladder stops at {expect.rung}, data whole"
    return Scenario(name, title, "promote", conf, expect, release=version, expected=expected, **more)


def _refused(name: str, version: str, title: str, because: str) -> Scenario:
    expect = Expectation("refused", "failed", refused_because=because, untouched=True, clean=True, exit_code=4)
    conf = {"version": version, "reason": title}
    return Scenario(name, title, "promote", conf, expect, release=version, expected="refused before any effect")


SCENARIOS: tuple[Scenario, ...] = (
    Scenario(
        "good-release",
        "1.1.0 is good: promoted step by step in both regions",
        "promote",
        {"version": "1.1.0", "reason": "the autumn release"},
        Expectation("promoted", "success", clean=True),
        release="1.1.0",
        publishes=True,
        expected="promoted in both regions, baseline certified, 0 failed requests, 0 sessions broken",
    ),
    Scenario(
        "rollback-by-person",
        "a person takes 1.1.0 back while the old slot runs at half capacity",
        "rollback",
        {"target": "1.0.0", "reason": "customers complain about the new basket"},
        Expectation(
            "rolled_back", "success", clean=True, steps_back=2, within_limit=True, data_checked=True, rung="traffic"
        ),
        needs=("good-release",),
        expected="stepped return, no target above its declared limit",
    ),
    _bad("bad-release", "1.2.0", "1.2.0 fails 2 % of its checkouts: caught and rolled back", "errors"),
    _bad("slow-release", "1.3.0", "1.3.0 is three times slower at the tail: caught by latency", "latency"),
    Scenario(
        "flag-fails",
        "1.6.0's new basket fails 10 % of its calls: its flag goes back, and nothing else",
        "promote",
        {"version": "1.6.0", "reason": "baskets that remember"},
        Expectation("rolled_back", "failed", data_checked=True, exit_code=10, rung="flags", flag_back="new_basket"),
        release="1.6.0",
        within=600.0,
        expected="promoted, shown to 5 %, caught by its flag; flag off, nothing redeployed, 0 further errors",
    ),
    _refused("tampered-release", "1.4.0", "1.4.0 was changed after it was signed", "sha256"),
    _refused("old-release", "1.5.0", "1.5.0 is signed, but older than the release index allows", "too old"),
    _bad(
        "scheduler-killed",
        "1.2.0",
        "1.2.0 again; Airflow's scheduler is killed in mid-canary",
        "errors",
        disturbance=Disturbance.SCHEDULER_KILLED,
        within=600.0,
    ),
    _bad(
        "critical-burn",
        "1.2.0",
        "1.2.0 burns the error budget fast while the stable slot is weakened: the fast lane",
        "errors",
        disturbance=Disturbance.BURN_CRITICAL,
        expect={"writes_to_zero": 1},
    ),
    _bad(
        "bad-release-region-dead",
        "1.2.0",
        "1.2.0 is caught in east while west has no power: nothing is asked of west",
        "any signal",
        disturbance=Disturbance.OTHER_REGION_DEAD,
        expect={"signal": None, "unasked": "west"},
    ),
    _bad("rare-endpoint", "2.2.0", "2.2.0 always fails at an endpoint with 0.5 % of the requests", "errors"),
    Scenario(
        "leaking-release",
        "1.9.0 is healthy for as long as it is tried, and fails minutes after its promotion",
        "promote",
        {"version": "1.9.0", "reason": "the winter release"},
        Expectation("rolled_back", "success", data_checked=True, rung="traffic"),
        release="1.9.0",
        afterwards=600.0,
        within=900.0,
        expected="promoted, then rolled back without a person; the guard asks for it",
    ),
    Scenario(
        "wrong-projection",
        "1.8.0 answers well and writes a third of its orders wrongly: found by the data check",
        "promote",
        {"version": "1.8.0", "reason": "quicker checkouts"},
        Expectation(
            "rolled_back",
            "failed",
            clean=True,
            found_by="orders_follow_their_events",
            rung="schema",
            exit_code=10,
        ),
        release="1.8.0",
        within=600.0,
        expected="no error at all; found by the data check, orders rebuilt from their events, 0 failed requests",
    ),
    Scenario(
        "schema-release",
        "1.7.0 adds a column, and fails 8 % of its checkouts from 25 % on: traffic, release and schema go back",
        "promote",
        {"version": "1.7.0", "reason": "orders may be wrapped as a gift"},
        Expectation("rolled_back", "failed", signal="errors", exit_code=10, rung="schema", schema=AS_BEFORE),
        release="1.7.0",
        disturbance=Disturbance.CHECKOUTS_FAIL,
        expected="caught by errors, back to the rung schema; the schema as before, line by line, and no order lost",
    ),
    _refused(
        "irreversible-release",
        "2.0.0",
        "2.0.0 brings a migration whose downgrade raises: found by the proof",
        "migration 0003_notes cannot be undone",
    ),
    Scenario(
        "dependency-hangs",
        "payments hang for a while, and go on",
        NOBODY_ASKS,
        {},
        Expectation("unmoved", "", clean=True),
        disturbance=Disturbance.PAYMENTS_HANG,
        expected="the breaker opens and closes; orders are taken with payment pending, each is paid once; 0 failed",
    ),
    Scenario(
        "expanding-release",
        "2.1.0 expands the schema and is good: promoted",
        "promote",
        {"version": "2.1.0", "reason": "every order says how it is wrapped"},
        Expectation("promoted", "success", clean=True, schema="0002"),
        release="2.1.0",
        expected="schema expanded before any traffic, both releases work on it, 0 failed requests",
        variant="anew",
    ),
    Scenario(
        "contract",
        "2.1.0's contract is run, after a person said yes to closing the way back",
        "contract",
        {"reason": "nobody goes back behind 2.1.0"},
        Expectation("contracted", "success", clean=True, schema="0003_contract"),
        needs=("expanding-release",),
        expected="asked, run once, data whole, 0 failed requests; the catalog says that the window is closed",
        variant="anew",
    ),
    Scenario(
        "rollback-past-contract",
        "a person asks for the release from before the contract",
        "rollback",
        {"target": "1.0.0", "reason": "we liked it better"},
        Expectation("refused", "failed", clean=True, untouched=True, exit_code=4, schema="0003_contract"),
        needs=("expanding-release", "contract"),
        expected="refused before any effect, with what can be done instead",
        variant="anew",
    ),
    *MOVES,
    Scenario(
        "unproved-release",
        "2.0.0 without the proof, and it fails its checkouts: its downgrade raises half-way; a person mends it",
        "promote",
        {"version": "2.0.0", "reason": "orders have notes"},
        Expectation(
            "rolled_back", "failed", signal="errors", exit_code=15, exit_code_again=10, rung="schema", schema="0001"
        ),
        release="2.0.0",
        disturbance=Disturbance.CHECKOUTS_FAIL,
        within=600.0,
        variant="unproved",
        mended_by="create table order_notes_kept as table order_notes",
        expected="holds with the exact next command; a person runs it and clears the task: a clean end, no order lost",
    ),
)

STORY = ("good-release", "bad-release", "flag-fails", "region-killed", "follow-again", "home-again")


def chosen(only: str | None, story: bool) -> tuple[Scenario, ...]:
    """The scenarios to run, in order, with what they need before them. Raises KeyError with the known names."""
    by_name = {s.name: s for s in SCENARIOS}
    names = [only] if only else list(STORY if story else by_name)
    unknown = [n for n in names if n not in by_name]
    if unknown:
        raise KeyError(f"unknown scenario {unknown[0]!r}; known: {', '.join(by_name)}")
    ordered: list[str] = []
    for name in names:
        ordered.extend(n for n in (*by_name[name].needs, name) if n not in ordered)
    return tuple(by_name[n] for n in ordered)
