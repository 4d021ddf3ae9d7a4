"""Memory drivers of one service form one estate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.envoy import ENDPOINTS, SHARES
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.registry import connect
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic.memory import MemoryTraffic
from tidegate.errors import Refused
from tidegate.model.release import Release
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    yield Site("shop", SHARES, ENDPOINTS, tmp_path)


def test_effects_of_all_families_stand_in_one_order(site: Site) -> None:
    traffic = connect("traffic", {"kind": "memory"}, site)
    compute = connect("compute", {"kind": "memory"}, site)
    metrics = connect("metrics", {"kind": "memory"}, site)
    traffic.healthy = compute.has_healthy
    split = canary_split({"east": 10_000, "west": 0}, Slot.A, {"east": 500})
    release = SlotSpec(Release("1.0.0", "sha256:1", 1), 1)

    compute.apply(Arm("east", Slot.A), release, Token(1, "op"), lambda: site.root)
    with pytest.raises(Refused, match="east-b"):
        traffic.apply(split, Token(1, "op"))
    compute.apply(Arm("east", Slot.B), release, Token(1, "op"), lambda: site.root)
    traffic.apply(split, Token(1, "op"))

    assert traffic.world is compute.world is metrics.world
    assert [(e.family, e.verb, e.target) for e in traffic.world.effects] == [
        ("compute", "start", "east-a-0"),
        ("compute", "start", "east-b-0"),
        ("traffic", "route", "routes"),
    ]


def test_another_service_is_another_world(site: Site, tmp_path: Path) -> None:
    one = connect("traffic", {"kind": "memory"}, site)
    other = connect("traffic", {"kind": "memory"}, Site("shop-drill", SHARES, ENDPOINTS, tmp_path))
    assert one.world is not other.world


def test_memory_sessions_stick_and_go_back_last_in_first_out() -> None:
    driver = MemoryTraffic()
    sessions = [f"s{n}" for n in range(2_000)]
    candidate = Arm("east", Slot.B)

    def on_candidate(weight: int) -> set[str]:
        driver.force(canary_split(SHARES, Slot.A, {"east": weight}))
        return {s for s in sessions if driver.route(s) == candidate}

    few, more, none = (on_candidate(weight) for weight in (500, 5000, 0))

    assert none == set()
    assert few < more
    assert 0.015 < len(few) / len(sessions) < 0.035, "5 % of a region with half the traffic"
