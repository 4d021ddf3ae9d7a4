"""A dependency hangs while a release is tried: both releases meet it alike, and neither is blamed for it.

Where it is essential and the policy has the signal `service`, that one may stop the promotion, and says that the cause
is not proved: tests/scenarios/test_signals.py.
"""

from __future__ import annotations

from pathlib import Path

from tests.support.estate import build, quick_policy
from tests.support.operations import promote
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome

LASTS = 20.0  # seconds
SLOWER = 8.0  # times: they wait for as long as the breaker's time-out is, and then do with less


def test_the_candidate_is_not_blamed_for_a_dependency_that_hangs_for_both(tmp_path: Path) -> None:
    rig = build(tmp_path, quick_policy())
    began: list[float] = []

    def tick(seconds: float) -> None:
        split = rig.traffic.observe().split
        if not began and split is not None and any(weight and arm.slot.value == "b" for arm, weight in split.weights):
            began.append(rig.clock.now())
        hangs = bool(began) and rig.clock.now() - began[0] < LASTS
        rig.users.slow = {"1.0.0": SLOWER, "1.1.0": SLOWER} if hangs else {}

    rig.clock.ticks.insert(0, tick)
    view = promote(rig, "1.1.0")
    assert began, "it hung while the candidate took traffic"
    assert (view.outcome, view.why_back) == (Outcome.PROMOTED, "")
    assert rig.world.journal.events("shop", operation=view.id, kinds={EventKind.STOP_LOSS}) == []


def test_one_that_fails_in_the_candidate_alone_is_its_own_fault(tmp_path: Path) -> None:
    """The counter-proof: failures, but of the release that was tried."""
    rig = build(tmp_path, quick_policy())
    rig.users.error_rate = {"1.1.0": {"checkout": 0.25}}
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert view.why_back.startswith("errors: ")
