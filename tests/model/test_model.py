"""The failover protocol, every state of it. What the guards mean: docs/explanation/failover-model.md."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.model.checker import Result, check
from tests.model.guards import EVERYTHING, GUARDS, MODEL, Taken
from tests.model.promela import NotRead

PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "failover-model.md"


def test_the_protocol_holds_in_every_state(record_property: pytest.RecordProperty) -> None:
    began = time.monotonic()
    result = check(MODEL, EVERYTHING.mishaps)
    took = time.monotonic() - began
    record_property("states", result.states)
    print(f"{result.states} states, {result.steps} steps in {took:.1f} s")
    assert result.error is None, f"{result.error.what}\n" + "\n".join(result.error.way)
    assert result.states > 200_000, "the model has become smaller: a command that never happens?"


@pytest.mark.parametrize("taken", GUARDS, ids=lambda taken: taken.guard)
def test_without_this_guard_it_does_not(taken: Taken) -> None:
    error = check(MODEL, taken.switches).error
    assert error is not None, f"nothing breaks without {taken.guard}"
    assert error.what == taken.breaks, "\n".join(error.way)


@pytest.mark.parametrize("taken", [t for t in GUARDS if t.mishap], ids=lambda taken: taken.guard)
def test_and_only_because_of_that_mishap(taken: Taken) -> None:
    assert check(MODEL, {**taken.switches, taken.mishap: 0}).error is None


def test_every_switch_of_the_model_is_taken_out_once() -> None:
    switches = re.findall(r"^#define (\w+) 1\s+/\*", MODEL.read_text(), re.MULTILINE)
    at_first = switches[: switches.index("POWER") + 1]
    assert [taken.guard for taken in GUARDS] == at_first


def test_the_page_tells_of_every_guard() -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(), re.MULTILINE))
    assert told == {taken.guard for taken in GUARDS}


_HEAD = "#define LIMIT 2\nbyte n;\nproctype p()\n{\nend:\n    do\n"
_TAIL = "    od\n}\ninit { atomic { run p() } }\n"


def _checked(tmp_path: Path, commands: str, **switches: int) -> Result:
    model = tmp_path / "small.pml"
    model.write_text(f"{_HEAD}{commands}{_TAIL}")
    return check(model, switches)


def test_the_checker_counts_states_and_takes_switches(tmp_path: Path) -> None:
    command = "    :: atomic { n < LIMIT -> n++ }\n"
    assert _checked(tmp_path, command).states == 3
    assert _checked(tmp_path, command, LIMIT=5).states == 6


def test_the_checker_finds_an_assert_a_cycle_and_an_end(tmp_path: Path) -> None:
    up = "    :: atomic { n < LIMIT -> n++ }\n"
    broken = _checked(tmp_path, up + "    :: atomic { n == 1 -> assert(n == 0) }   /* words */\n").error
    assert broken.what == "words" and broken.way == ("p():7", "p():8")
    assert _checked(tmp_path, up + "    :: atomic { n > 1 -> n = 0 }\n").error.what.startswith("a cycle")
    ended = _checked(tmp_path, up + "    :: atomic { timeout && n < 9 -> n = 9; assert(false) }\n").error
    assert ended.way == ("p():7", "p():7", "p():8")


@pytest.mark.parametrize(
    "command",
    [
        "    :: n < 2 -> n++\n",
        "    :: atomic { n < 2 -> m++ }\n",
        "    :: atomic { n < 2 -> n ? 1 }\n",
        "    :: atomic { n < 2 -> if :: n == 0 -> n = 1 :: n == 1 -> n = 2 fi }\n",
        "    :: atomic { n < 2 -> printf(n) }\n",
    ],
)
def test_what_the_checker_does_not_understand_it_refuses(tmp_path: Path, command: str) -> None:
    with pytest.raises(NotRead):
        _checked(tmp_path, command)


def test_a_switch_that_is_not_there_is_refused() -> None:
    with pytest.raises(NotRead, match="FENSE"):
        check(MODEL, {"FENSE": 0})
