"""The contract of compute drivers, on memory and on a real supervisord."""

from __future__ import annotations

import contextlib
import dataclasses
import hmac
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support import marker
from tests.support import supervisor as real_supervisor
from tests.support.envoy import free_ports, wait_until
from tests.support.supervisor import RealRegion, tiny_release
from tidegate.drivers.compute import supervisor
from tidegate.drivers.compute._slot import SlotDirectory
from tidegate.drivers.compute.contract import Compute, SlotSpec
from tidegate.drivers.compute.memory import MemoryCompute
from tidegate.drivers.credentials import Credential
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.drivers.vault import Secret, no_secrets
from tidegate.errors import LeaseLost, OutcomeUnknown, Refused, Rejected, Unreachable
from tidegate.model.release import Release, SecretVersion, secrets_digest
from tidegate.model.topology import Arm, Slot

KEY_1, KEY_2 = SecretVersion("receipt_key", "1"), SecretVersion("receipt_key", "2")
VALUES = {KEY_1: "opal-otter-5151", KEY_2: "ruby/raven+7272"}
SEALED = {"2.0.0": KEY_1, "2.1.0": KEY_2}  # releases that take a secret
ARM, OTHER = Arm("east", Slot.A), Arm("east", Slot.B)


@dataclass
class Rig:
    """One region under test. ``boots``: instance -> something that changes with each start of it."""

    driver: Compute
    rival: Compute
    boots: Callable[[Arm], Mapping[str, int]]
    starts: Callable[[], int]
    swap_a_file: Callable[[Arm, int], None]
    unreachable: Compute
    releases: dict[str, tuple[Release, Path]]
    given: Callable[[Arm, int], Mapping[str, str]]
    fetched: list[str] = field(default_factory=list)
    unsealed: list[SecretVersion] = field(default_factory=list)

    def spec(self, version: str, instances: int) -> SlotSpec:
        return SlotSpec(self.releases[version][0], instances)

    def apply(self, spec: SlotSpec, epoch: int = 1, *, arm: Arm = ARM, driver: Compute | None = None) -> None:
        def fetch() -> Path:
            assert spec.release is not None, "an empty slot needs no files"
            self.fetched.append(spec.release.version)
            return self.releases[spec.release.version][1]

        def unseal() -> tuple[Secret, ...]:
            assert spec.release is not None, "an empty slot needs no secrets"
            self.unsealed.extend(spec.release.secrets)
            return tuple(Secret(which, VALUES[which]) for which in spec.release.secrets)

        (driver or self.driver).apply(arm, spec, Token(epoch, "op"), fetch, unseal)

    def converge(self, spec: SlotSpec, epoch: int = 1, *, arm: Arm = ARM) -> None:
        self.apply(spec, epoch, arm=arm)
        wait_until(lambda: self.driver.settled(arm, spec), f"settled: {spec}")


def _memory(tmp_path: Path) -> Rig:
    driver = MemoryCompute(regions=["east"], ports=3)
    gone = MemoryCompute(regions=["east"])
    gone.faults.unreachable = Unreachable("gone")
    releases = {v: (Release(v, f"sha256:{n}", n), tmp_path) for n, v in enumerate(("1.0.0", "1.1.0"))}
    releases |= {
        v: (Release(v, f"sha256:{v}", 9, configuration=f"sha256:c{v}", secrets=(key,)), tmp_path)
        for v, key in SEALED.items()
    }
    return Rig(
        driver,
        driver,
        boots=lambda arm: {f"{arm.name}-{i}": boot for i, boot in driver.boots(arm).items()},
        starts=lambda: sum(effect.verb == "start" for effect in driver.world.effects),
        swap_a_file=lambda arm, index: driver.tamper(arm, index, "sha256:other"),
        unreachable=gone,
        releases=releases,
        given=lambda arm, _: {name: receipt(value) for name, value in driver.sealed(arm).items()},
    )


def receipt(value: str) -> str:
    return hmac.new(value.encode(), b"order", "sha256").hexdigest()


def _real(region: RealRegion, tmp_path: Path) -> Rig:
    releases = {v: tiny_release(tmp_path, v, n) for n, v in enumerate(("1.0.0", "1.1.0"))}
    for version, key in SEALED.items():
        configuration = json.dumps({"delivery_days": int(key.version)}).encode()
        releases[version] = tiny_release(
            tmp_path, version, 9, configuration=configuration, secrets={key.name: key.version}
        )
    slots = region.site.root / "lab" / "slots"

    def swap_a_file(arm: Arm, index: int) -> None:
        """Change a file of one instance, and have that instance start from it."""
        (directory,) = (path for path in (slots / arm.name).iterdir() if path.is_dir())
        (directory / str(index) / "tiny" / "version").write_text("9.9.9")
        name = f"shop-{arm.name}-{index}"
        before = region.pids()[name]
        os.kill(before, signal.SIGKILL)
        wait_until(lambda: region.pids().get(name, before) != before, f"{name} started again by supervisor")
        wait_until(lambda: all(i.healthy for i in region.driver().observe(arm).instances), "answering again")

    nobody = Credential("shop_east", "http", "127.0.0.1", free_ports(1)[0], extra=region.credential.extra)
    site = Site("shop", {"east": 10_000}, (), region.site.root, lambda _: nobody)
    unreachable = supervisor.connect(supervisor.Settings(slots="lab/slots", regions={"east": "conn://x"}), site)
    return Rig(
        region.driver(),
        region.driver(),
        boots=lambda arm: {n.removeprefix("shop-"): p for n, p in region.pids().items() if arm.name in n},
        starts=region.spawned,
        swap_a_file=swap_a_file,
        unreachable=unreachable,
        releases=releases,
        given=lambda arm, index: (supervisor._ask("127.0.0.1", region.ports[arm.slot][index]) or {})["receipts"],
    )


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegion]:
    with real_supervisor.running(tmp_path_factory.mktemp("region")) as running:
        yield running


@pytest.fixture
def region(daemon: RealRegion) -> Iterator[RealRegion]:
    """The daemon with empty slots that no epoch holds."""
    yield daemon
    for arm in (ARM, OTHER):
        slot = SlotDirectory(daemon.site.root / "lab" / "slots", arm)
        token = Token(slot.order().epoch, "clean-up")
        daemon.driver().apply(arm, SlotSpec(None, 0), token, lambda: Path("/nowhere"))
        shutil.rmtree(slot.path)


@pytest.fixture(params=["memory", pytest.param("supervisor", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Rig:
    if request.param == "memory":
        return _memory(tmp_path)
    return _real(request.getfixturevalue("region"), tmp_path)


def test_n_of_n_report_the_release_that_was_applied(rig: Rig) -> None:
    rig.driver.ping("east")
    assert rig.driver.observe(ARM).instances == ()
    rig.converge(rig.spec("1.0.0", 2))

    state = rig.driver.observe(ARM)

    assert state.version == "1.0.0"
    assert [(i.digest, i.healthy) for i in state.instances] == [(rig.releases["1.0.0"][0].digest, True)] * 2
    assert not rig.driver.settled(ARM, rig.spec("1.0.0", 3))
    assert not rig.driver.settled(ARM, rig.spec("1.1.0", 2))
    assert rig.driver.observe(OTHER).instances == (), "the other slot has been touched"


def test_the_same_again_starts_nothing_and_fetches_nothing(rig: Rig) -> None:
    rig.converge(rig.spec("1.0.0", 2))
    before, starts = rig.boots(ARM), rig.starts()
    rig.fetched.clear()

    rig.apply(rig.spec("1.0.0", 2))
    rig.apply(rig.spec("1.0.0", 2), epoch=2, driver=rig.rival)

    assert rig.boots(ARM) == before
    assert rig.starts() == starts
    assert rig.fetched == []


def test_scaling_restarts_nobody(rig: Rig) -> None:
    rig.converge(rig.spec("1.0.0", 1))
    rig.converge(rig.spec("1.0.0", 1), arm=OTHER)
    one, other = rig.boots(ARM), rig.boots(OTHER)
    rig.converge(rig.spec("1.0.0", 3))
    three = rig.boots(ARM)
    rig.converge(rig.spec("1.0.0", 2))
    two = rig.boots(ARM)

    assert (len(one), len(three), len(two)) == (1, 3, 2)
    assert one.items() <= three.items(), "scaling up restarted one that ran"
    assert two.items() <= three.items(), "scaling down restarted one that stayed"
    assert rig.boots(OTHER) == other


def test_another_release_takes_the_slot(rig: Rig) -> None:
    rig.converge(rig.spec("1.0.0", 2))
    before = rig.boots(ARM)
    rig.converge(rig.spec("1.1.0", 2))

    assert rig.driver.observe(ARM).version == "1.1.0"
    assert not set(rig.boots(ARM).items()) & set(before.items()), "an instance of the old release is still there"


def test_a_slot_can_be_emptied(rig: Rig) -> None:
    rig.converge(rig.spec("1.0.0", 2))
    rig.converge(SlotSpec(None, 0))

    state = rig.driver.observe(ARM)
    assert (state.version, state.instances) == (None, ())
    assert rig.boots(ARM) == {}


def test_a_smaller_epoch_is_refused_and_changes_nothing(rig: Rig) -> None:
    rig.converge(rig.spec("1.0.0", 1), epoch=5)
    before = rig.boots(ARM)
    rig.fetched.clear()

    with pytest.raises(LeaseLost):
        rig.apply(rig.spec("1.1.0", 1), epoch=4, driver=rig.rival)
    with pytest.raises(LeaseLost):
        rig.apply(SlotSpec(None, 0), epoch=4)

    assert rig.boots(ARM) == before
    assert rig.fetched == [], "files were unpacked for an actor that has been superseded"
    assert rig.driver.observe(ARM).version == "1.0.0"
    rig.apply(rig.spec("1.0.0", 1), epoch=4, arm=OTHER)  # a slot's epoch is its own


def test_of_concurrent_writers_the_newest_epoch_stays(rig: Rig) -> None:
    def write(driver: Compute, version: str, epoch: int) -> None:
        for _ in range(2):
            try:
                rig.apply(rig.spec(version, 1), epoch, driver=driver)
            except LeaseLost:
                return

    writers = [
        threading.Thread(target=write, args=(rig.driver, "1.0.0", 1)),
        threading.Thread(target=write, args=(rig.rival, "1.1.0", 2)),
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)

    wait_until(lambda: rig.driver.settled(ARM, rig.spec("1.1.0", 1)), "the newer one settled")
    assert len(rig.boots(ARM)) == 1


def test_one_swapped_file_in_one_instance_is_not_n_of_n(rig: Rig) -> None:
    spec = rig.spec("1.0.0", 2)
    rig.converge(spec)
    rig.swap_a_file(ARM, 1)

    states = rig.driver.observe(ARM).instances

    assert not rig.driver.settled(ARM, spec)
    good = [i.digest == rig.releases["1.0.0"][0].digest for i in states]
    assert (good, [i.healthy for i in states]) == ([True, False], [True, True])
    before = rig.boots(ARM)
    rig.converge(spec)
    changed = {name for name, boot in rig.boots(ARM).items() if before[name] != boot}
    assert changed == {"east-a-1"}, "applying again must mend the one that is wrong, and it alone"


def test_instances_get_the_release_s_secrets_and_say_which(rig: Rig) -> None:
    rig.converge(rig.spec("2.0.0", 2))

    states = rig.driver.observe(ARM).instances

    assert [i.secrets for i in states] == [secrets_digest({"receipt_key": "1"})] * 2
    assert [rig.given(ARM, index) for index in (0, 1)] == [{"receipt_key": receipt(VALUES[KEY_1])}] * 2
    assert rig.unsealed == [KEY_1], "read once for the slot"


def test_more_instances_and_the_same_again_need_no_vault(rig: Rig) -> None:
    rig.converge(rig.spec("2.0.0", 1))
    before, rig.unsealed[:] = rig.boots(ARM), []

    rig.converge(rig.spec("2.0.0", 3), epoch=2)

    assert rig.unsealed == []
    assert before.items() <= rig.boots(ARM).items(), "restarted one that ran"


def test_back_to_the_release_before_is_back_to_its_secret(rig: Rig) -> None:
    for epoch, (version, key) in enumerate([("2.0.0", KEY_1), ("2.1.0", KEY_2), ("2.0.0", KEY_1)], start=1):
        rig.converge(rig.spec(version, 1), epoch)
        assert rig.given(ARM, 0) == {"receipt_key": receipt(VALUES[key])}, version
    assert rig.unsealed == [KEY_1, KEY_2, KEY_1], "what a slot does not run it does not keep"


def test_without_all_of_its_secrets_a_release_does_not_start(rig: Rig) -> None:
    spec = rig.spec("2.0.0", 1)
    fetch = rig.releases["2.0.0"][1]
    others = (Secret(KEY_2, VALUES[KEY_2]),)
    for unseal in (no_secrets, lambda: others):
        with pytest.raises(Refused, match="takes receipt_key in version 1"):
            rig.driver.apply(ARM, spec, Token(1, "op"), lambda: fetch, unseal)
    assert rig.driver.observe(ARM).instances == ()


def test_the_right_files_with_another_secret_are_not_n_of_n(rig: Rig) -> None:
    rig.converge(rig.spec("2.0.0", 1))
    release = rig.releases["2.0.0"][0]
    other = SlotSpec(dataclasses.replace(release, secrets=(KEY_2,)), 1)

    assert rig.driver.settled(ARM, rig.spec("2.0.0", 1))
    assert not rig.driver.settled(ARM, other)


def test_a_region_that_does_not_answer_is_unreachable_and_unchanged(rig: Rig) -> None:
    for call in (
        lambda: rig.unreachable.ping("east"),
        lambda: rig.unreachable.observe(ARM),
        lambda: rig.apply(rig.spec("1.0.0", 1), driver=rig.unreachable),
    ):
        with pytest.raises(Unreachable):
            call()
    assert rig.driver.observe(ARM).version is None


def test_what_the_region_cannot_hold_is_refused(rig: Rig) -> None:
    with pytest.raises(Refused, match="3 ports"):
        rig.apply(rig.spec("1.0.0", 4))
    with pytest.raises(Refused, match="eats"):
        rig.driver.observe(Arm("eats", Slot.A))
    assert rig.driver.observe(ARM).instances == ()


# What only one of them can show.


def test_a_memory_instance_takes_its_time() -> None:
    driver = MemoryCompute()
    driver.looks_until_healthy = 2
    spec = SlotSpec(Release("1.0.0", "sha256:1", 1), 1)
    driver.apply(ARM, spec, Token(1, "op"), lambda: Path("/nowhere"))

    assert [driver.settled(ARM, spec) for _ in range(3)] == [False, False, True]
    driver.kill(ARM)
    assert not driver.settled(ARM, spec)
    assert not driver.has_healthy(ARM)


def test_a_memory_runner_can_be_killed_at_either_side_of_an_effect() -> None:
    """Started again, it ends in the same state with each effect made once."""

    class Killed(BaseException):
        pass

    def kill(_: object) -> None:
        driver.world.before_effect = driver.world.after_effect = lambda _: None
        raise Killed

    spec = SlotSpec(Release("1.0.0", "sha256:1", 1), 2)
    for side in ("before_effect", "after_effect"):
        driver = MemoryCompute()
        setattr(driver.world, side, kill)
        with pytest.raises(Killed):
            driver.apply(ARM, spec, Token(1, "op"), lambda: Path("/nowhere"))
        driver.apply(ARM, spec, Token(1, "op"), lambda: Path("/nowhere"))

        assert driver.settled(ARM, spec)
        assert [effect.target for effect in driver.world.effects] == ["east-a-0", "east-a-1"], side


@pytest.mark.real
def test_an_instance_whose_files_were_swapped_under_it_starts_anew(region: RealRegion, tmp_path: Path) -> None:
    """It still reports what it loaded; its directory is put right, and it must not run on from one that is gone."""
    release, directory = tiny_release(tmp_path, "1.0.0")
    spec, driver = SlotSpec(release, 2), region.driver()
    driver.apply(ARM, spec, Token(1, "op"), lambda: directory)
    wait_until(lambda: driver.settled(ARM, spec), "settled")
    before = region.pids()
    swapped = region.site.root / "lab" / "slots" / ARM.name / release.digest.removeprefix("sha256:") / "1"
    (swapped / "tiny" / "version").write_text("9.9.9")

    driver.apply(ARM, spec, Token(1, "op"), lambda: directory)
    wait_until(lambda: driver.settled(ARM, spec), "settled again")

    assert {name for name, pid in region.pids().items() if before[name] != pid} == {"shop-east-a-1"}
    assert (swapped / "tiny" / "version").read_text() == "1.0.0"


@pytest.mark.real
def test_fetched_files_that_are_not_the_release_never_start(region: RealRegion, tmp_path: Path) -> None:
    release, directory = tiny_release(tmp_path, "1.0.0")
    (directory / "tiny" / "extra.py").write_text("")
    started = region.spawned()

    with pytest.raises(Rejected, match="the release is sha256"):
        region.driver().apply(ARM, SlotSpec(release, 1), Token(1, "op"), lambda: directory)

    assert region.spawned() == started
    assert region.driver().observe(ARM).version is None


@pytest.mark.real
@pytest.mark.parametrize(
    "manifest",
    ["", "{}", '{"command": "ls"}', '{"command": []}', '{"command": ["{python}", "-c", "x\\nautostart=false"]}',
     '{"command": ["a b"]}', '{"command": ["%(ENV_HOME)s"]}'],
)  # fmt: skip
def test_a_command_that_could_say_more_than_it_shows_is_rejected(
    region: RealRegion, tmp_path: Path, manifest: str
) -> None:
    release, directory = tiny_release(tmp_path, "1.0.0")
    (directory / "manifest.json").write_text(manifest)

    with pytest.raises(Rejected):
        region.driver().apply(ARM, SlotSpec(release, 1), Token(1, "op"), lambda: directory)

    assert region.driver().observe(ARM).instances == ()


@pytest.mark.real
def test_an_instance_gets_its_variables_and_no_others(region: RealRegion, tmp_path: Path) -> None:
    """supervisord has a connection in its environment; the instance's secret is in no argv and no configuration."""
    release, directory = tiny_release(tmp_path, "1.0.0")
    spec = SlotSpec(release, 1)
    driver = region.driver()
    driver.apply(ARM, spec, Token(1, "op"), lambda: directory)
    wait_until(lambda: driver.settled(ARM, spec), "settled")

    said = supervisor._ask("127.0.0.1", region.ports["a"][0])

    assert said is not None
    assert said["environment"] == {"SHOP_SECRET": "not in any argv", "SHOP_REGION": "east", "SHOP_SLOT": "a"}
    pid = region.pids()["shop-east-a-0"]
    assert b"not in any argv" not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert "not in any argv" not in "".join(f.read_text() for f in region.region.slots_conf.iterdir())
    assert not list((region.site.root / "lab" / "slots").rglob("__pycache__")), "bytecode beside a release's files"


@pytest.mark.real
def test_a_secret_is_in_its_file_and_nowhere_else(region: RealRegion, tmp_path: Path) -> None:
    rig = _real(region, tmp_path)
    rig.converge(rig.spec("2.1.0", 2))
    rig.converge(SlotSpec(rig.releases["2.1.0"][0], 1), 2)
    found = marker.Search(VALUES[KEY_2])

    slots = region.site.root / "lab" / "slots"
    (file,) = slots.rglob("sealed.json")

    assert found.in_files(region.site.root) == [file], (
        "and in no configuration and no log of supervisord, of an instance or of the driver"
    )
    assert file.stat().st_mode & 0o777 == 0o600
    assert found.in_processes() == []
    rig.converge(SlotSpec(None, 0), 3)
    assert not found.in_files(region.site.root), "an emptied slot keeps no secret"


@pytest.mark.real
def test_secrets_that_others_could_read_are_sealed_anew(region: RealRegion, tmp_path: Path) -> None:
    rig = _real(region, tmp_path)
    rig.converge(rig.spec("2.1.0", 1))
    (file,) = (region.site.root / "lab" / "slots").rglob("sealed.json")
    file.chmod(0o644)

    rig.apply(rig.spec("2.1.0", 1), 2)

    assert file.stat().st_mode & 0o777 == 0o600
    assert rig.unsealed == [KEY_2, KEY_2]


@pytest.mark.real
def test_an_environment_that_others_can_read_starts_nothing(region: RealRegion, tmp_path: Path) -> None:
    release, directory = tiny_release(tmp_path, "1.0.0")
    file = region.site.root / "lab" / "east" / "environment.json"
    file.chmod(0o644)
    try:
        region.driver().apply(ARM, SlotSpec(release, 1), Token(1, "op"), lambda: directory)
        log = region.site.root / "lab" / "slots" / "logs" / "shop-east-a-0.log"
        wait_until(lambda: log.exists() and "others can read it" in log.read_text(), "refused in its log")
        assert not any(i.healthy for i in region.driver().observe(ARM).instances)
    finally:
        file.chmod(0o600)


@pytest.mark.real
def test_the_effects_log_and_supervisors_own_agree(region: RealRegion, tmp_path: Path) -> None:
    release, directory = tiny_release(tmp_path, "1.0.0")
    log = region.site.root / "lab" / "slots" / "effects.log"
    log.unlink(missing_ok=True)
    spawned, driver = region.spawned(), region.driver()
    for instances in (1, 3, 2):
        driver.apply(ARM, SlotSpec(release, instances), Token(1, "promotion-7"), lambda: directory)
        wait_until(lambda n=instances: driver.settled(ARM, SlotSpec(release, n)), f"{instances} instances")

    effects = [json.loads(line) for line in log.read_text().splitlines()]

    assert [(e["verb"], e["instance"]) for e in effects] == [
        ("start", "shop-east-a-0"),
        ("start", "shop-east-a-1"),
        ("start", "shop-east-a-2"),
        ("stop", "shop-east-a-2"),
    ]
    assert {e["operation"] for e in effects} == {"promotion-7"}
    assert region.spawned() - spawned == 3


@pytest.mark.real
def test_a_wrong_password_is_rejected_and_not_printed(region: RealRegion) -> None:
    c = region.credential
    wrong = Credential(c.name, c.scheme, c.host, c.port, c.login, "guess;ed", c.path, c.extra)
    site = Site("shop", {"east": 10_000}, (), region.site.root, lambda _: wrong)
    driver = supervisor.connect(supervisor.Settings(slots="lab/slots", regions={"east": "conn://x"}), site)

    with pytest.raises(Rejected) as caught:
        driver.ping("east")

    assert "401" in str(caught.value)
    assert "guess" not in str(caught.value)


def test_sent_and_not_answered_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that takes calls and never answers."""
    monkeypatch.setattr("tidegate.drivers._supervisor_rpc.READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = supervisor.Supervisor(Credential("x", "http", "127.0.0.1", server.getsockname()[1]))
        started = time.monotonic()
        with pytest.raises(OutcomeUnknown):
            client.add("shop-east-a-0")
        with pytest.raises(Unreachable):
            client.processes("shop-")  # a question changes nothing
    assert time.monotonic() - started < 2


def test_a_call_that_is_cut_off_is_not_sent_again() -> None:
    """A socket that takes a call and hangs up: whether it was carried out, nobody knows."""
    taken: list[bytes] = []

    def hang_up(server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = server.accept()
                taken.append(connection.recv(65536))
                connection.close()

    server = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=hang_up, args=(server,), daemon=True)
    thread.start()
    client = supervisor.Supervisor(Credential("x", "http", "127.0.0.1", server.getsockname()[1]))
    with pytest.raises(OutcomeUnknown):
        client.add("shop-east-a-0")
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)

    assert len(taken) == 1


def test_a_region_without_its_extras_is_refused_by_name(tmp_path: Path) -> None:
    site = Site("shop", {"east": 1}, (), tmp_path, lambda _: Credential("shop_east", "http", "127.0.0.1", 1))
    with pytest.raises(Refused, match="ports_a, ports_b, conf, environment_file"):
        supervisor.connect(supervisor.Settings(slots="lab/slots", regions={"east": "conn://shop_east"}), site)
