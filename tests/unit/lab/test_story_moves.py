"""Who takes writes, and what the ledger lists: the story's own arithmetic."""

import pytest

from lab.story.bookkeeping import compared
from lab.story.writer_probe import Yes, summary


def yeses(*regions: str, every: float = 0.05) -> list[Yes]:
    return [Yes(region, number * every, number * every + 0.001) for number, region in enumerate(regions)]


@pytest.mark.parametrize(
    ("regions", "handed_over"),
    [((), 0), (("east",), 0), (("east", "east", "west", "west"), 1), (("east", "west", "east"), 2)],
    ids=["nobody", "one", "handed over", "two writers"],
)
def test_a_writer_is_handed_over_and_not_back(regions: tuple[str, ...], handed_over: int) -> None:
    assert summary(yeses(*regions))["handed_over"] == handed_over


def test_an_answer_that_came_when_the_server_thawed_counts_when_it_came() -> None:
    frozen = Yes("east", 0.01, 0.3)
    assert summary([*yeses("east", "west", "west", "west"), frozen])["handed_over"] == 2


def test_the_pause_is_between_two_writes_that_were_taken() -> None:
    found = summary([*yeses("east", "east"), Yes("west", 2.0, 2.051)])
    assert (found["longest_without"], found["taken_by"]) == (2.0, ["east", "west"])


def test_the_ledger_is_held_against_what_users_were_told() -> None:
    assert compared({"a", "b", "c"}, {"b", "c", "d"}) == {
        "orders": 3,
        "acknowledged_lost": 3,
        "not_in_ledger": 1,
        "unacknowledged": 1,
    }
