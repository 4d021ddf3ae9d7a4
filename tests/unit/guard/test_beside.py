"""What a guard looks at beside its loop: it goes on whatever goes wrong, and says it once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import estate
from tests.support.moving import moving_policy
from tidegate.errors import Unreachable
from tidegate.guard.beside import look_on
from tidegate.guard.standing import look_beside


def looked(times: int, wrong: Callable[[int], None]) -> int:
    """How often it looked before it was told to stop, which it is at the last look."""
    stop, count = threading.Event(), 0

    def look() -> None:
        nonlocal count
        count += 1
        if count == times:
            stop.set()
        wrong(count)

    look_on("guard of shop, a look", look, 0.001, stop).join(30)
    return count


def unreachable(_: int) -> None:
    raise Unreachable("the router is gone")


def broken(_: int) -> None:
    raise ZeroDivisionError("of ours")


@pytest.mark.parametrize("wrong", [unreachable, broken], ids=["an error of ours", "anything else"])
def test_it_looks_again_whatever_goes_wrong_and_says_it_once(
    wrong: Callable[[int], None], caplog: pytest.LogCaptureFixture
) -> None:
    assert looked(5, wrong) == 5
    assert len(caplog.records) == 1
    assert "guard of shop, a look" in caplog.records[0].message


def test_what_is_well_again_and_goes_wrong_anew_is_said_anew(caplog: pytest.LogCaptureFixture) -> None:
    looked(4, lambda number: unreachable(number) if number % 2 else None)
    assert len(caplog.records) == 2


@pytest.mark.parametrize(
    ("synchronous", "looks"),
    [
        ("off", ["what was written"]),
        ("block", ["what was written"]),
        ("relax", ["whom writes wait for", "what was written"]),
    ],
)
def test_it_looks_at_what_the_policy_gives_reason_for(tmp_path: Path, synchronous: str, looks: list[str]) -> None:
    policy = moving_policy(synchronous=synchronous).model_copy(update={"dependencies": None})
    stop = threading.Event()
    stop.set()
    begun = look_beside(estate.build(tmp_path, policy).world, stop)
    assert [thread.name.partition(", ")[2] for thread in begun] == looks
