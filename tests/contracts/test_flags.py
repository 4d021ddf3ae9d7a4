"""The contract of flag drivers, on memory and on a flagd file that a real OpenFeature provider reads."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.flags import reader, until
from tidegate.drivers.credentials import from_environment
from tidegate.drivers.flags import flagd
from tidegate.drivers.flags.contract import Because, Flags, FlagsState, Setting
from tidegate.drivers.flags.flagd import FlagdFile
from tidegate.drivers.flags.memory import MemoryFlags
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, Refused, Throttled, TidegateError, Unreachable

CUSTOMERS = [f"{n:016x}" for n in range(0, 4_000_000, 10_000)]  # four hundred
WHY = Because("cat", "the new basket")
OFF, ON = Setting(0), Setting(10_000, default=True)


def token(epoch: int) -> Token:
    return Token(epoch, "op")


@dataclass
class Rig:
    """``who(key)``: the customers who see it, as the service evaluates it, once it has taken what was written."""

    driver: Flags
    rival: Flags
    who: Callable[[str], frozenset[str]]
    writes: Callable[[], int]
    foreign_hand: Callable[[str], None]
    edit: Callable[[str], None]
    lose: Callable[[], None]
    unreachable: Flags


def _memory() -> Rig:
    driver = MemoryFlags()
    gone = MemoryFlags()
    gone.faults.unreachable = Unreachable("gone")
    return Rig(
        driver,
        driver,
        lambda key: frozenset(c for c in CUSTOMERS if driver.sees(key, c)),
        lambda: len(driver.world.effects),
        driver.foreign_hand,
        lambda key: driver.foreign_hand(key, edited=True),
        driver.lose,
        gone,
    )


def _connect(root: Path) -> FlagdFile:
    site = Site("shop", {"east": 10_000}, (), root, from_environment)
    return flagd.connect(flagd.Settings(file="flags/shop.json"), site)


def _flagd(root: Path, stack: ExitStack) -> Rig:
    (root / "flags").mkdir()
    driver = _connect(root)
    driver.apply({}, token(0), WHY)
    sees = stack.enter_context(reader(driver.file))

    def who(key: str) -> frozenset[str]:
        setting = driver.observe().flags[key]
        expected = round(len(CUSTOMERS) * setting.exposed / 10_000)

        def taken() -> bool:
            count = sum(sees(key, c) for c in CUSTOMERS)
            return count == expected if setting.exposed in (0, 10_000) else abs(count - expected) < 40 and count > 0

        until(taken, f"the provider to take {setting}")
        return frozenset(c for c in CUSTOMERS if sees(key, c))

    def change(key: str, value: dict[str, object]) -> None:
        document = json.loads(driver.file.read_text())
        document["flags"][key] = {**document["flags"].get(key, {}), **value}
        driver.file.write_text(json.dumps(document))

    def writes() -> int:
        return len(driver.log.read_text().splitlines()) - 1

    theirs: dict[str, object] = {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a"}
    gone = FlagdFile(root / "nowhere" / "shop.json")
    return Rig(
        driver, _connect(root), who, writes, lambda key: change(key, theirs),
        lambda key: change(key, {"targeting": {}}), driver.file.unlink, gone,
    )  # fmt: skip


@pytest.fixture(params=["memory", pytest.param("flagd", marks=pytest.mark.real)])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    with ExitStack() as stack:
        yield _memory() if request.param == "memory" else _flagd(tmp_path, stack)


@pytest.fixture
def file(tmp_path: Path) -> FlagdFile:
    (tmp_path / "flags").mkdir()
    return _connect(tmp_path)


def test_nothing_is_exposed_at_first(rig: Rig) -> None:
    assert rig.driver.observe() == FlagsState(0)


def test_customers_stick_and_the_last_exposed_go_back_first(rig: Rig) -> None:
    seen = []
    for epoch, percent in enumerate([0, 5, 50, 100, 50, 5, 0], start=1):
        rig.driver.apply({"new_basket": Setting(percent * 100)}, token(epoch), WHY)
        seen.append(rig.who("new_basket"))
    none, few, half, everybody, half_again, few_again, none_again = seen
    assert none == none_again == frozenset()
    assert len(everybody) == len(CUSTOMERS)
    assert few < half < everybody, "whoever is exposed stays exposed as the part grows"
    assert (half_again, few_again) == (half, few), "on the way back nobody meets it who had not, the last go first"
    assert abs(len(few) / len(CUSTOMERS) - 0.05) < 0.04
    assert abs(len(half) / len(CUSTOMERS) - 0.5) < 0.1


def test_two_flags_do_not_expose_the_same_customers(rig: Rig) -> None:
    rig.driver.apply({"one": Setting(5000), "other": Setting(5000)}, token(1), WHY)
    assert rig.who("one") != rig.who("other")


def test_what_was_written_is_read_back(rig: Rig) -> None:
    rig.driver.apply({"new_basket": Setting(500), "old": ON}, token(3), WHY)
    state = rig.driver.observe()
    assert (state.epoch, state.flags) == (3, {"new_basket": Setting(500), "old": ON})
    assert rig.driver.settled({"old": ON}, token(3))
    assert not rig.driver.settled({"old": ON}, token(4))
    assert not rig.driver.settled({"old": OFF}, token(3))


def test_the_same_again_changes_nothing(rig: Rig) -> None:
    rig.driver.apply({"new_basket": Setting(500)}, token(3), WHY)
    before = rig.writes()
    rig.driver.apply({"new_basket": Setting(500)}, token(3), WHY)
    assert rig.writes() == before


def test_only_the_named_flags_change(rig: Rig) -> None:
    rig.driver.apply({"one": Setting(5000), "guilty": Setting(5000)}, token(1), WHY)
    before = rig.who("one")
    rig.driver.apply({"guilty": OFF}, token(2), WHY)
    assert rig.driver.observe().flags["one"] == Setting(5000)
    assert rig.who("one") == before
    assert rig.who("guilty") == frozenset()


def test_an_older_epoch_is_refused(rig: Rig) -> None:
    rig.driver.apply({"new_basket": OFF}, token(7), WHY)
    before = rig.writes()
    with pytest.raises(LeaseLost, match="epoch 7"):
        rig.rival.apply({"new_basket": Setting(5000)}, token(6), WHY)
    with pytest.raises(LeaseLost):
        rig.rival.retire("new_basket", token(6), WHY)
    assert (rig.writes(), rig.driver.observe().flags) == (before, {"new_basket": OFF})


def test_a_source_that_was_taken_away_fences_all_the_same(rig: Rig) -> None:
    rig.driver.apply({"new_basket": Setting(5000)}, token(7), WHY)
    rig.lose()
    assert rig.driver.observe().broken
    with pytest.raises(LeaseLost):
        rig.rival.apply({"new_basket": Setting(10_000)}, token(6), WHY)


def test_a_source_that_was_taken_away_is_made_again_from_what_was_good(rig: Rig) -> None:
    rig.driver.apply({"old": ON, "open": Setting(5000)}, token(1), WHY)
    rig.lose()
    rig.driver.apply({"new_basket": OFF}, token(2), WHY)
    assert rig.driver.observe().flags == {"old": ON, "open": OFF, "new_basket": OFF}
    assert rig.who("old") == frozenset(CUSTOMERS)


def test_a_flag_of_somebody_else_is_not_touched(rig: Rig) -> None:
    rig.driver.apply({"ours": OFF}, token(1), WHY)
    rig.foreign_hand("theirs")
    assert rig.driver.observe().foreign == {"theirs"}
    with pytest.raises(Refused, match="theirs"):
        rig.driver.apply({"theirs": OFF}, token(2), WHY)
    rig.driver.apply({"ours": Setting(500)}, token(2), WHY)
    assert rig.driver.observe().foreign == {"theirs"}


def test_a_change_by_another_hand_is_seen_and_can_be_taken_back(rig: Rig) -> None:
    rig.driver.apply({"ours": Setting(500)}, token(1), WHY)
    rig.edit("ours")
    state = rig.driver.observe()
    assert (state.edited, dict(state.flags)) == ({"ours"}, {})
    rig.driver.apply({"ours": OFF}, token(2), WHY)
    assert rig.driver.observe().flags == {"ours": OFF}


def test_a_retired_key_is_never_used_again(rig: Rig) -> None:
    rig.driver.apply({"old": ON}, token(1), WHY)
    rig.driver.retire("old", token(2), WHY)
    rig.driver.retire("old", token(3), WHY)
    state = rig.driver.observe()
    assert (state.retired, dict(state.flags)) == ({"old"}, {})
    with pytest.raises(Refused, match="retired"):
        rig.driver.apply({"old": Setting(500)}, token(4), WHY)


def test_a_key_is_retired_before_it_was_ever_used(rig: Rig) -> None:
    rig.driver.retire("burnt", token(1), WHY)
    with pytest.raises(Refused, match="retired"):
        rig.driver.apply({"burnt": OFF}, token(2), WHY)


def test_unreachable_changes_nothing(rig: Rig) -> None:
    for call in (rig.unreachable.ping, rig.unreachable.observe, lambda: rig.unreachable.apply({}, token(1), WHY)):
        with pytest.raises(Unreachable) as failed:
            call()
        assert isinstance(failed.value, TidegateError)


# The file alone


@pytest.mark.real
def test_which_customers_are_exposed_stands_still(file: FlagdFile) -> None:
    """Golden: flagd's bucketing is an implementation detail of its core, so another version must not come unseen: a
    flag that is open while it changes would swap one half of the customers for another."""
    file.apply({"new_basket": Setting(1000)}, token(1), WHY)
    with reader(file.file) as sees:
        found = [n for n in range(100) if sees("new_basket", f"{n:016x}")]
    assert found == GOLDEN


GOLDEN = [11, 14, 38, 52, 65, 67, 72, 81, 82, 84]


def test_who_and_why_stand_beside_the_flag(file: FlagdFile) -> None:
    file.apply({"new_basket": Setting(500)}, token(4), WHY)
    meta = json.loads(file.file.read_text())["flags"]["new_basket"]["metadata"]
    assert (meta["by"], meta["why"], meta["operation"], meta["epoch"]) == ("cat", "the new basket", "op", 4)
    assert json.loads(file.log.read_text())["flags"] == {"new_basket": "5% exposed, default off"}


def test_a_flag_that_is_not_changed_keeps_its_marks(file: FlagdFile) -> None:
    file.apply({"one": Setting(500)}, token(1), WHY)
    file.apply({"one": Setting(500), "other": OFF}, token(2), Because("dan", "another"))
    flags = json.loads(file.file.read_text())["flags"]
    assert (flags["one"]["metadata"]["epoch"], flags["other"]["metadata"]["by"]) == (1, "dan")


def test_other_peoples_parts_of_the_file_are_kept(file: FlagdFile) -> None:
    theirs = {"state": "ENABLED", "variants": {"a": 1}, "defaultVariant": "a", "metadata": {"owner": "web"}}
    given = {"$schema": "x", "metadata": {"team": "web"}, "flags": {"theirs": theirs}, "$evaluators": {"e": {}}}
    file.file.write_text(json.dumps(given))
    file.apply({"ours": OFF}, token(1), WHY)
    found = json.loads(file.file.read_text())
    assert (found["flags"]["theirs"], found["$schema"], found["$evaluators"]) == (theirs, "x", {"e": {}})
    assert found["metadata"] == {"team": "web", "tidegate_epoch": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"flags": []}', '{"flags": {}, "metadata": 3}', "\x00\xff"])
def test_a_broken_file_is_told_and_kept_aside(file: FlagdFile, text: str) -> None:
    file.apply({"old": ON}, token(3), WHY)
    file.file.write_text(text)
    assert file.observe().broken
    assert file.observe().epoch == 3
    file.apply({"new_basket": OFF}, token(4), WHY)
    assert file.observe().flags == {"old": ON, "new_basket": OFF}
    assert file.file.with_name("shop.json.broken").read_text() == text


def test_every_write_has_a_later_time(file: FlagdFile) -> None:
    """Or the provider would never take it up: it looks at the time alone."""
    file.apply({"new_basket": OFF}, token(1), WHY)
    ahead = file.file.stat().st_mtime_ns + 3_600_000_000_000
    os.utime(file.file, ns=(ahead, ahead))
    file.apply({"new_basket": Setting(500)}, token(2), WHY)
    assert file.file.stat().st_mtime_ns > ahead


def test_a_file_restored_from_an_old_copy_is_told_by_its_epoch(file: FlagdFile) -> None:
    file.apply({"new_basket": Setting(500)}, token(1), WHY)
    old = file.file.read_text()
    file.apply({"new_basket": OFF}, token(5), WHY)
    file.file.write_text(old)
    assert file.observe().epoch == 1
    with pytest.raises(LeaseLost):
        file.apply({"new_basket": Setting(5000)}, token(4), WHY)


def test_a_lock_that_is_held_is_not_waited_for_for_ever(file: FlagdFile, tmp_path: Path) -> None:
    from tidegate.drivers._files import locked

    hasty = FlagdFile(file.file, lock_seconds=0.05)
    with locked(file.file.with_name("shop.json.lock"), 1), pytest.raises(Throttled):
        hasty.apply({"new_basket": OFF}, token(1), WHY)


def test_a_file_that_does_not_take_what_was_written_is_not_believed(file: FlagdFile) -> None:
    file.apply({"new_basket": OFF}, token(1), WHY)
    state = file.observe()
    assert not state.has({"new_basket": Setting(500)})
    assert not state.has({"absent": OFF})
