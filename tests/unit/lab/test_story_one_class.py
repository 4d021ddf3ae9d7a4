"""One endpoint class in the story: what is told as a mistake."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.load.journal import Request
from lab.story.one_class import Moved, mistakes
from lab.story.users_saw import Users, by_class

WELL, SOME = Users(100, 0, 20.0), Users(100, 9, 20.0)
SEEN = {"before checkout": WELL, "failing checkout": SOME, "failing browse": WELL, "away checkout": WELL}
AS_MEANT = Moved(2.0, SEEN, ("checkout", "west", "guard"), 2, False)


def test_as_it_is_meant() -> None:
    assert list(mistakes(AS_MEANT)) == []


@pytest.mark.parametrize(
    ("moved", "words"),
    [
        (replace(AS_MEANT, seen={**SEEN, "failing checkout": WELL}), "no checkout failed"),
        (replace(AS_MEANT, seen={**SEEN, "away checkout": SOME}), "away checkout: 9 of 100"),
        (replace(AS_MEANT, seen={**SEEN, "failing browse": SOME}), "failing browse: 9 of 100"),
        (replace(AS_MEANT, seen={**SEEN, "home browse": Users(0, 0, None)}), "home browse: 0 of 0"),
        (replace(AS_MEANT, detour=("checkout", "west", "cat")), "by the guard, got"),
        (replace(AS_MEANT, routes=3), "got 3"),
        (replace(AS_MEANT, split_moved=True), "the split moved: True"),
    ],
)
def test_what_is_a_mistake(moved: Moved, words: str) -> None:
    (told,) = mistakes(moved)
    assert words in told


def test_each_request_counts_at_its_moment_and_in_its_class() -> None:
    def request(at: float, endpoint: str, status: int) -> Request:
        return Request(at, "s", endpoint, status, 9.0, "1.0.0", "", "")

    seen = by_class([request(1, "checkout", 500), request(2, "home", 200)], {"early": (0, 2), "late": (2, 3)})
    counted = {name: (one.requests, one.failed) for name, one in seen.items()}
    assert counted == {"early checkout": (1, 1), "early browse": (0, 0), "late checkout": (0, 0), "late browse": (1, 0)}
