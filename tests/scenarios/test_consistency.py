"""Names, cached assets and routes against what really takes traffic: a real name server, and a cache that keeps what
it was given."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.cache import Answer, Kept
from lab.story.variants import ASSET, BESIDE
from lab.third_place import ZONE
from tests.support.estate import Rig, build
from tests.support.moving import moving_policy, open_move
from tests.support.operations import open_promotion
from tests.support.policies import changed, complaints
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.credentials import Credential, connection_name
from tidegate.drivers.name_servers import addresses
from tidegate.drivers.token import Token
from tidegate.drivers.traffic._envoy_file import Standing, render
from tidegate.drivers.traffic.contract import RouteState
from tidegate.engine import gates, readiness
from tidegate.engine.consistency import names as names_of
from tidegate.engine.readiness_item import Item, State
from tidegate.errors import Rejected, Unreachable
from tidegate.model.operation import OperationKind
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import Split, canary_split
from tidegate.model.verdict import Verdict
from tidegate.plan.consistency import NODE
from tidegate.plan.failover import failover_plan
from tidegate.plan.model import Gate, Phase
from tidegate.plan.rollback import rollback_plan
from tidegate.plan.switchover import switchover_plan
from tidegate.policy.consistency import Consistency

EAST, WEST = "192.0.2.1", "192.0.2.2"
SECTION = {
    "dns": {
        "names": ["www.shop.test"],
        "servers": ["conn://names"],
        "addresses": {"east": [EAST], "west": [WEST, "2001:db8::2"]},
    },
    "assets": {"paths": [ASSET], "caches": ["conn://cache"]},
}


@dataclass
class Names:
    """The lab's name server as a process of its own. ``file``: its zone."""

    port: int
    file: Path

    def say(self, *addresses: str) -> None:
        rows = [f"www 1 IN {'AAAA' if ':' in one else 'A'} {one}" for one in addresses]
        begin = "@ 1 IN SOA ns admin 1 60 60 60 60\n@ 1 IN NS ns\nns 1 IN A 192.0.2.53\nempty 1 IN TXT nothing\n"
        self.file.write_text(begin + "\n".join(rows) + "\n")


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Names]:
    with answering(tmp_path_factory.mktemp("names") / "shop.test.zone") as names:
        yield names


@contextmanager
def answering(file: Path, *more: str) -> Iterator[Names]:
    argv = [sys.executable, "-m", "lab.name_server", "--port", "0", "--zone", str(file), "--origin", "shop.test", *more]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Names(int(process.stdout.readline().split()[-1]), file)
        process.kill()


@dataclass
class Cache:
    """The lab's cache as a process of its own, which hands out one asset with the digest that it was given with."""

    port: int
    kept: Kept

    @property
    def digest(self) -> str:
        found = self.kept.get(ASSET)
        return found.headers["x-release-digest"] if found else ""

    @digest.setter
    def digest(self, value: str) -> None:
        self.kept.put(ASSET, Answer(200, {"x-release-digest": value} if value else {}, "", time.time() + 3600))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cache]:
    keep = tmp_path_factory.mktemp("kept")
    argv = [sys.executable, "-m", "lab.cache", "--port", "0", "--origin", "127.0.0.1:9", "--keep", str(keep)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Cache(int(process.stdout.readline().split()[-1]), Kept(keep))
        process.kill()


@pytest.fixture
def rig(tmp_path: Path, names: Names, cache: Cache) -> Rig:
    """Both regions take traffic, the name leads to both, and the cache holds what runs."""
    policy = moving_policy().model_copy(update={"consistency": Consistency.model_validate(SECTION)})
    made = build(tmp_path, policy)
    ports = {"names": ("dns", names.port), "cache": ("http", cache.port)}

    def resolve(reference: str) -> Credential:
        scheme, port = ports.get(connection_name(reference), ("http", 9))
        return Credential(connection_name(reference), scheme, "localhost" if scheme == "dns" else "127.0.0.1", port)

    site = dataclasses.replace(made.world.estate.site, resolve=resolve)
    made.world = dataclasses.replace(made.world, estate=dataclasses.replace(made.world.estate, site=site))
    names.say(EAST, WEST, "2001:db8::2")
    cache.digest = made.releases["1.0.0"].digest
    return made


def look(rig: Rig) -> dict[str, Item]:
    found = readiness.assess(rig.world, actor="test").items
    return {item.what: item for item in found if item.what in ("names", "assets", "routes")}


class Red(dict[str, str]):
    """What is red, by item. That an item is not among it is what a test asserts."""

    def __missing__(self, key: str) -> str:
        raise AssertionError(f"{key} is not red: {sorted(self)}")


def red(rig: Rig) -> dict[str, str]:
    return Red({what: item.why for what, item in look(rig).items() if item.state is State.NOT_READY})


def test_what_is_consistent_is_green(rig: Rig) -> None:
    assert set(look(rig)) == {"names", "assets", "routes"}
    assert red(rig) == {}


def test_a_name_that_leads_elsewhere_or_to_too_few_is_red(rig: Rig, names: Names) -> None:
    names.say(EAST, "192.0.2.99", WEST, "2001:db8::2")
    assert "leads www.shop.test to 192.0.2.1, 192.0.2.2, 192.0.2.99, 2001:db8::2" in red(rig)["names"]
    names.say(EAST)
    assert f"to {EAST}, expected" in red(rig)["names"]
    names.say()
    assert "to nowhere" in red(rig)["names"]


def test_the_lab_s_name_follows_the_traffic_and_one_that_leads_to_the_other_region_is_caught(
    rig: Rig, tmp_path: Path
) -> None:
    zone, routes, part = tmp_path / "zone", tmp_path / "routes.yaml", Consistency.model_validate(BESIDE).dns
    zone.write_text(ZONE)
    assert part is not None
    with answering(zone, "--routes", str(routes)) as server:
        at = Credential("shop_names", "dns", "127.0.0.1", server.port)
        estate = dataclasses.replace(
            rig.world.estate, site=dataclasses.replace(rig.world.estate.site, resolve=lambda _: at)
        )
        for shares, leads in (({"east": 5000, "west": 5000}, {EAST, WEST}), ({"west": 10_000}, {WEST})):
            split = canary_split({"east": 0, "west": 0} | shares, Slot.A, {})
            routes.write_text(json.dumps(render(Standing(RouteState(1, split)), "shop_session")))
            rig.traffic.force(split)
            assert addresses(at, "www.shop.test") == leads
            assert "lead www.shop.test to" in names_of(estate, part)
        zone.write_text(f"{ZONE}www 1 IN A {EAST}\n")
        with pytest.raises(Rejected, match=f"leads www.shop.test to {EAST}, expected {WEST}"):
            names_of(estate, part)


def test_a_region_without_traffic_must_not_be_led_to(rig: Rig, names: Names) -> None:
    rig.traffic.force(Split(((Arm("east", Slot.A), 10_000), (Arm("west", Slot.A), 0))))
    assert set(red(rig)) == {"names", "routes"}
    names.say(EAST)
    assert "east has 100%, not 50%" in red(rig).pop("routes")
    assert "names" not in red(rig)


def test_a_name_server_that_fails_or_is_away_is_red(rig: Rig, names: Names) -> None:
    names.file.write_text("no zone at all (")
    assert "SERVFAIL" in red(rig)["names"]
    nobody = Credential("names", "dns", "127.0.0.1", 1)
    with pytest.raises(Unreachable, match="does not answer"):
        addresses(nobody, "www.shop.test")


def test_a_name_of_another_zone_is_refused_and_one_without_addresses_leads_nowhere(names: Names) -> None:
    names.say(EAST)
    server = Credential("names", "dns", "localhost", names.port)
    with pytest.raises(Rejected, match="REFUSED"):
        addresses(server, "www.other.test")
    assert addresses(server, "empty.shop.test") == frozenset()
    assert addresses(server, "none.shop.test") == frozenset()


def serve(rig: Rig, version: str, slot: Slot) -> None:
    """From now on this release takes all the traffic, from that slot of both regions."""
    for region in ("east", "west"):
        rig.compute.apply(Arm(region, slot), SlotSpec(rig.releases[version], 2), Token(0, "a test"), Path)
    rig.traffic.force(canary_split(rig.world.policy.shares, slot, {}))


def test_an_asset_of_the_release_that_was_taken_back_is_caught(rig: Rig, cache: Cache) -> None:
    serve(rig, "1.1.0", Slot.B)
    assert f"of {rig.releases['1.0.0'].digest}" in red(rig)["assets"], "what ran before is stale"
    cache.digest = rig.releases["1.1.0"].digest
    assert "assets" not in red(rig)
    serve(rig, "1.0.0", Slot.A)
    assert f"hands out /assets/shop.css of {cache.digest}" in red(rig)["assets"], "the reverted release's is kept"
    cache.digest = rig.releases["1.0.0"].digest
    assert "assets" not in red(rig)


def test_an_asset_of_nobody_knows_what_is_red(rig: Rig, cache: Cache) -> None:
    cache.digest = ""
    assert "without x-release-digest" in red(rig)["assets"]


def test_while_an_operation_moves_the_routes_they_are_not_compared(rig: Rig) -> None:
    open_promotion(rig, "1.1.0")
    assert "routes" not in look(rig)


def test_the_policy_names_addresses_for_every_region() -> None:
    dns = "{names: [a.test], servers: ['conn://n'], addresses: {east: [192.0.2.1]}}"
    wrong = complaints(changed(("regions:", f"consistency: {{dns: {dns}}}\nregions:")))
    assert any("west has no address" in one for one in wrong), wrong


def test_the_gate_behind_a_move_waits_for_what_is_stale(rig: Rig, cache: Cache) -> None:
    view = open_move(rig, OperationKind.SWITCHOVER, "west")
    (gate,) = [node for _, node in view.plan.nodes() if node.id == NODE]
    assert isinstance(gate, Gate)
    assert gates._assess(rig.world, view, gate).verdict is Verdict.PASS
    cache.digest = rig.releases["1.1.0"].digest
    found = gates._assess(rig.world, view, gate)
    assert found.verdict is Verdict.INCONCLUSIVE, "it may be purged yet"
    assert "hands out /assets/shop.css" in found.why


def test_only_a_policy_that_compares_has_the_gate_and_it_stands_last(rig: Rig) -> None:
    for planner in (switchover_plan, failover_plan, rollback_plan):
        nodes = [node.id for stage, node in planner(rig.world.policy, "d").nodes() if stage.phase is Phase.FORWARD]
        assert nodes[-1] == NODE
        assert NODE not in [node.id for _, node in planner(moving_policy(), "d").nodes()]
