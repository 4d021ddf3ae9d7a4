"""Relabelling: the same requests, seen from a flag; and a judge for each flag."""

from __future__ import annotations

import random
from dataclasses import replace

from tidegate.guard.exposure import ExposureJudges, not_shown, relabel, relabelled
from tidegate.judge.settings import JudgeSettings
from tidegate.model.observation import Batch, FlagSeen, Observation
from tidegate.model.topology import Arm, Slot
from tidegate.model.traffic import canary_split

SHARES = {"east": 5000, "west": 5000}
PAIRS = tuple(SHARES.items())
SETTINGS = JudgeSettings(0.01, 1.0, None, ("checkout",), tuple(SHARES), Slot.A, 0.999, 2.0, warm_up=0.0)
FULL = canary_split(SHARES, Slot.A, {"east": 10_000, "west": 10_000})
NOW = 1_800_000_000.0


def request(*flags: FlagSeen, at: float = NOW, session: str = "s", status: int = 200) -> Observation:
    return Observation(at, Arm("east", Slot.B), session, "checkout", status, 5.0, 9, FULL, flags)


def batch(*observations: Observation) -> Batch:
    return Batch(observations, "c", NOW + 1000)


def test_who_sees_it_is_the_candidate_and_who_does_not_is_stable() -> None:
    on = relabel(request(FlagSeen("new", True, 500, 17)), "new", Slot.A, PAIRS)
    off = relabel(request(FlagSeen("new", False, 500, 17)), "new", Slot.A, PAIRS)
    assert on is not None
    assert off is not None
    assert (on.arm, off.arm) == (Arm("east", Slot.B), Arm("east", Slot.A))
    assert on.epoch == off.epoch == 17
    assert [float(on.split.within_region(Arm(r, Slot.B))) for r in SHARES] == [0.05, 0.05]


def test_a_request_in_which_the_flag_had_no_say_is_left_out() -> None:
    mine = request(FlagSeen("new", True, 500, 17))
    found = relabelled(batch(request(), request(FlagSeen("other", True, 500, 1)), mine), "new", Slot.A, PAIRS)
    assert [o.epoch for o in found.observations] == [17]
    assert relabel(replace(mine, arm=None), "new", Slot.A, PAIRS) is None


def test_who_was_shown_a_flag_is_left_to_its_judge() -> None:
    shown, spared = request(FlagSeen("new", True, 500, 17)), request(FlagSeen("new", False, 500, 17))
    settled = request(FlagSeen("old", True, 10_000, 3))
    assert not_shown(batch(shown, spared, settled), ["new"]).observations == (spared, settled)


def stream(fails: dict[str, float], seconds: int = 60) -> Batch:
    """Two flags at 5 %, of which some fail; sessions of one request each."""
    chance, made = random.Random(3), []
    for n in range(seconds * 100):
        flags = tuple(FlagSeen(key, chance.random() < 0.05, 500, 7) for key in ("bad", "good"))
        failed = any(f.on and chance.random() < fails.get(f.key, 0.0) for f in flags)
        made.append(request(*flags, at=NOW + n / 100, session=f"s{n}", status=500 if failed else 200))
    return batch(*made)


def judged(fails: dict[str, float]) -> dict[str, str]:
    judges = ExposureJudges(SETTINGS, 0.005, SHARES)
    judges.watch(["bad", "good"])
    judges.hear(stream(fails))
    return {key: document["verdict"] for key, document in judges.documents(NOW + 60.5).items()}


def test_only_the_guilty_flag_fails() -> None:
    assert judged({"bad": 0.1}) == {"bad": "fail", "good": "inconclusive"}
    assert judged({}) == {"bad": "inconclusive", "good": "inconclusive"}


def test_alpha_is_spent_once_over_all_flags() -> None:
    judges = ExposureJudges(SETTINGS, 0.005, SHARES)
    judges.watch(["bad", "good"])
    documents = judges.documents(NOW)
    spent = sum(signal["alpha"] for one in documents.values() for signal in one["signals"].values())
    assert abs(spent - 0.005) < 1e-12


def test_a_replaced_guard_goes_on_where_the_last_one_stood() -> None:
    whole, first = ExposureJudges(SETTINGS, 0.005, SHARES), ExposureJudges(SETTINGS, 0.005, SHARES)
    seen = stream({"bad": 0.02}, seconds=20).observations
    for judges in (whole, first):
        judges.watch(["bad", "good"])
    whole.hear(batch(*seen))
    first.hear(batch(*seen[:900]))
    second = ExposureJudges(SETTINGS, 0.005, SHARES, first.dump())
    second.watch(["another"])
    second.hear(batch(*seen[900:]))
    assert second.documents(NOW + 21) == whole.documents(NOW + 21)
