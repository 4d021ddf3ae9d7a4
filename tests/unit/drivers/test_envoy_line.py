"""Lines that are not what the edge writes: each is refused, none is guessed."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.support.edge_log import ROUTE, line, record
from tests.support.envoy import ENDPOINTS
from tidegate.drivers.metrics._envoy_line import MalformedError, parse
from tidegate.model.observation import FlagSeen, Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split

NOW = 1_800_000_000.0
REGIONS = ("east", "west")


def read(text: bytes) -> Observation | None:
    return parse(text, ENDPOINTS, REGIONS, NOW)


def good(**changes: Any) -> bytes:
    return line(**({"t": f"{NOW - 1:.6f}"} | changes))


def without(name: str) -> bytes:
    fields = record(t=str(NOW))
    del fields[name]
    return json.dumps(fields).encode()


BAD = {
    "empty": b"",
    "no JSON": b"hello",
    "cut short": good()[:50],
    "two objects": good() + good(),
    "a list": b"[]",
    "a number": b"1",
    "null": b"null",
    "no UTF-8": b'{"t": "\xff"}',
    "NUL bytes": b"\0" * 64,
    "nested without end": b"[" * 100_000,
    "nested within a line": b"[" * 8_000,
    "too long": good(path="/" + "x" * 20_000),
    "number of 5,000 digits": b'{"code": ' + b"1" * 5000 + b"}",
    "no time": without("t"),
    "time NaN": good(t="nan"),
    "time infinite": good(t="inf"),
    "time negative": good(t="-1"),
    "time zero": good(t="0"),
    "time a number": good(t=NOW),
    "time no number": good(t="now"),
    "time in the future": good(t=str(NOW + 2.5)),
    "time in milliseconds": good(t=str(NOW * 1000)),
    "duration NaN": good().replace(b"1234", b"NaN"),
    "NaN where nobody looks": good(host="here").replace(b'"here"', b"NaN"),
    "duration infinite": good().replace(b"1234", b"1e999"),
    "duration negative": good(us=-1),
    "duration text": good(us="1234"),
    "duration true": good(us=True),
    "no duration at all": good(us=None, ms=None),
    "no status": without("code"),
    "status text": good(code="200"),
    "status true": good(code=True),
    "status a fraction": good(code=200.0),
    "status 99": good(code=99),
    "status 600": good(code=600),
    "status negative": good(code=-200),
    "no route": without("route"),
    "route null on a 200": good(route=None),
    "route null on a 503": good(route="-", code=503),
    "route without epoch": good(route=ROUTE.partition(";")[2]),
    "route of a negative epoch": good(route="-" + ROUTE),
    "route of another scheme": good(route="default"),
    "route that does not sum up": good(route="7;east-a=9999"),
    "route with an arm twice": good(route="7;east-a=5000,east-a=5000"),
    "route to a foreign region": good(route="7;mars-a=10000", cluster="mars-a"),
    "cluster without weight in its route": good(cluster="west-b"),
    "cluster not in its route": good(cluster="north-a"),
    "cluster a number": good(cluster=7),
    "session a number": good(session=7),
    "session a list": good(session=["x"]),
    "method null": good(method=None),
    "path null": good(path=None),
}


@pytest.mark.parametrize("text", BAD.values(), ids=BAD.keys())
def test_malformed(text: bytes) -> None:
    with pytest.raises(MalformedError):
        read(text)


def test_a_good_line_says_all() -> None:
    split = Split.parse(ROUTE.partition(";")[2])
    expected = Observation(NOW - 1, Arm("east", Slot.B), "ab12", "checkout", 503, 1.234, 7, split)
    assert read(good(cluster="east-b", code=503, method="POST", path="/orders")) == expected


def test_flags_that_had_a_say_are_told() -> None:
    found = read(good(exposure="new_basket=on;500;17,old=off;0;3"))
    assert found is not None
    assert found.flags == (FlagSeen("new_basket", True, 500, 17), FlagSeen("old", False, 0, 3))


@pytest.mark.parametrize("none", [None, "-", ""])
def test_where_no_flag_had_a_say_there_is_none(none: str | None) -> None:
    found = read(good(exposure=none))
    assert found is not None
    assert found.flags == ()


@pytest.mark.parametrize(
    "wrong",
    ["new_basket", "a=on", "a=on;500", "a=maybe;500;1", "=on;500;1", "a=on;10001;1", "a=on;-1;1", "a=on;5;x", 7],
)
def test_flags_that_are_not_understood_are_not_guessed(wrong: Any) -> None:
    with pytest.raises(MalformedError):
        read(good(exposure=wrong))


@pytest.mark.parametrize(("cluster", "arm"), [("-", None), (None, None), ("sorry-page", None), ("east-a", "east-a")])
def test_a_request_that_reached_no_arm_has_none(cluster: str | None, arm: str | None) -> None:
    found = read(good(cluster=cluster))
    assert found is not None
    assert (found.arm.name if found.arm else None) == arm


@pytest.mark.parametrize(
    ("route", "cluster", "code", "refused"),
    [
        (f"{ROUTE};6000/5", None, 503, True),
        (f"{ROUTE};6000/5", "east-a", 503, False),
        (f"{ROUTE};6000/5", None, 404, False),
        (ROUTE, None, 503, False),
    ],
)
def test_only_who_is_not_admitted_was_refused(route: str, cluster: str | None, code: int, refused: bool) -> None:
    found = read(good(route=route, cluster=cluster, code=code))
    assert found is not None
    assert found.refused is refused


def test_a_user_who_went_away_has_no_status_and_a_coarse_duration() -> None:
    found = read(good(code=0, us=None, ms=17))
    assert found is not None
    assert (found.status, found.milliseconds) == (0, 17.0)


def test_a_little_ahead_is_clock_skew() -> None:
    assert read(good(t=str(NOW + 1.5))) is not None


def test_what_was_no_http_is_not_an_observation_and_not_malformed() -> None:
    assert read(good(route=None, code=400, method=None, path=None, cluster=None)) is None


def test_a_line_costs_little() -> None:
    """The guard follows 2,000 lines/s on a core that others use too. The bound is ten times what was measured."""
    text, count = good(), 5_000
    start = time.process_time()
    for _ in range(count):
        read(text)
    microseconds = (time.process_time() - start) / count * 1e6
    assert microseconds < 150, f"{microseconds:.0f} µs a line"
