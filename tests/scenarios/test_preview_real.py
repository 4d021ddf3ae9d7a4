"""A preview on real parts: the lab's edge (Envoy), a region's supervisord, and the processes of two releases."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab import edge as lab_edge
from tests.scenarios.test_preview_arm import begin, begin_withdrawal, carry, policy
from tests.support import supervisor as real_supervisor
from tests.support.envoy import free_ports, wait_until
from tests.support.estate import Rig, build
from tests.support.supervisor import RealRegion, tiny_release
from tidegate.drivers.compute.contract import SlotSpec
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.traffic import envoy
from tidegate.model.clock import SystemClock
from tidegate.model.operation import Outcome
from tidegate.model.release import Release
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split

pytestmark = pytest.mark.real
SHARES = {"east": 10_000}
STABLE, CANDIDATE, PREVIEW = (Arm("east", slot) for slot in Slot)
SETTINGS = envoy.Settings(
    admin="conn://edge_admin", routes="edge/routes.yaml", session_cookie="s", settle_seconds=30, lock_seconds=30
)


class Offered:
    """One release on offer: the signatures are another suite's."""

    def __init__(self, rig: Rig, release: Release, directory: Path) -> None:
        self._rig, self._release, self._directory = rig, release, directory

    def verify(self, version: str) -> Release:
        assert version == self._release.version
        return self._release

    def index(self) -> Any:
        return self._rig.world.estate.artifacts.index()

    def fetch(self, release: Release) -> Path:
        return self._directory


@contextlib.contextmanager
def edge(root: Path, region: RealRegion) -> Iterator[tuple[lab_edge.Edge, envoy.EnvoyTraffic]]:
    home = root / "edge"
    home.mkdir()
    port, admin = free_ports(2)
    arms = {Arm("east", slot): region.ports[slot.value] for slot in Slot}
    the = lab_edge.Edge(port, admin, arms, home / "routes.yaml", home / "access.log", "s")
    lab_edge.initial_routes(the, SHARES)
    lab_edge.write(the, home / "envoy.json")
    with (home / "envoy.log").open("wb") as log:
        process = subprocess.Popen(lab_edge.command(home / "envoy.json"), stdout=log, stderr=log)
    site = Site("shop", SHARES, (), root, lambda name: Credential(name, "http", "127.0.0.1", admin))
    try:
        yield the, envoy.connect(SETTINGS, site)
    finally:
        process.kill()
        process.wait()


def asked(port: int, headers: dict[str, str] | None = None) -> str:
    """The version that answers, or the status."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    with contextlib.closing(connection):
        connection.request("GET", "/", headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        return str(json.loads(body)["version"]) if answer.status == 200 else str(answer.status)


def test_a_preview_comes_and_goes_under_load(tmp_path: Path) -> None:
    stable, stable_files = tiny_release(tmp_path, "1.0.0")
    branch, branch_files = tiny_release(tmp_path, "1.3.0", 2)
    header = {"x-preview": "1.3.0"}
    with real_supervisor.running(tmp_path) as region, edge(tmp_path, region) as (the, traffic):
        compute = region.driver()
        compute.apply(STABLE, SlotSpec(stable, 1), Token(0, "lab"), lambda: stable_files)
        wait_until(lambda: _serves(the.port), "serving", 120)
        memory = build(tmp_path / "journal", policy(), guarded=False)
        memory.clock.ticks.clear()
        offered = Offered(memory, branch, branch_files)
        estate = replace(memory.world.estate, traffic=traffic, compute=compute, artifacts=offered)
        rig = replace(memory, world=replace(memory.world, estate=estate, clock=SystemClock()))
        serving = {name: pid for name, pid in region.pids().items() if "-p-" not in name}
        stop, answers = threading.Event(), list[str]()

        def load() -> None:
            while not stop.is_set():
                answers.append(asked(the.port))

        user = threading.Thread(target=load)
        user.start()
        try:
            assert asked(the.port, header) == "1.0.0"
            opened = carry(rig, begin(rig))
            assert opened.outcome is Outcome.PREVIEWED, (opened.why_back, opened.failures)
            assert {asked(the.port, header) for _ in range(5)} == {"1.3.0"}
            traffic.apply(canary_split(SHARES, Slot.A, {}), Token(7, "a promotion"))
            assert asked(the.port, header) == "1.3.0", "a split that was written took the preview away"
            before = traffic.observe()
            assert carry(rig, begin_withdrawal(rig)).outcome is Outcome.WITHDRAWN
            assert asked(the.port, header) == "1.0.0"
        finally:
            stop.set()
            user.join(60)
        assert traffic.observe() == before
        assert region.pids() == serving, "what serves was started anew, or the preview still runs"
        assert set(answers) == {"1.0.0"}, f"of {len(answers)} requests"


def _serves(port: int) -> bool:
    with contextlib.suppress(OSError):
        return asked(port) == "1.0.0"
    return False
