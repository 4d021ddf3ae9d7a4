"""Which classes fail, by what was counted of each."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate.judge.blame import failing, failing_of_canary

ALLOWED = {"checkout": 0.001, "receipt": 0.001, "browse": 0.001}


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"receipt": (5, 5), "browse": (500, 0)}, ("receipt",)),
        ({"receipt": (5, 5), "browse": (500, 1)}, ("receipt",)),
        ({"receipt": (50, 5), "browse": (500, 50)}, ("receipt", "browse")),
        ({"receipt": (0, 0), "browse": (500, 0)}, ()),
        ({"other": (50, 50)}, ()),
    ],
)
def test_a_few_stray_failures_do_not_hide_which_one_fails(
    counts: dict[str, tuple[int, int]], expected: tuple[str, ...]
) -> None:
    assert failing(counts, ALLOWED) == expected


def document(crossed: str, rows: dict[str, tuple[int, int, int, int]]) -> dict[str, Any]:
    """``rows``: class -> candidate's requests and errors, the stable arm's."""
    names = ("requests", "errors")
    return {
        "crossed": [{"signal": crossed}],
        "endpoints": list(rows),
        "compared": [
            {
                "endpoint": n,
                "candidate": dict(zip(names, row[:2], strict=True)),
                "stable": dict(zip(names, row[2:], strict=True)),
            }
            for n, row in rows.items()
        ],
        "regions": {
            "east": {"candidate": {"endpoints": {n: dict(zip(names, row[:2], strict=True)) for n, row in rows.items()}}}
        },
    }


def test_beside_a_stable_arm_that_one_is_what_a_class_is_held_against() -> None:
    rows = {"checkout": (100, 9, 900, 1), "browse": (200, 1, 1800, 4)}
    assert failing_of_canary(document("errors", rows), 0.001) == ("checkout",)
    shared = {"checkout": (100, 9, 900, 90), "browse": (200, 1, 1800, 4)}
    assert failing_of_canary(document("errors", shared), 0.001) == ()


def test_alone_the_promise_is() -> None:
    rows = {"checkout": (100, 9, 0, 0), "browse": (200, 0, 0, 0)}
    assert failing_of_canary(document("availability", rows), 0.001) == ("checkout",)


@pytest.mark.parametrize("signal", ["latency", "business", "service", "latency_p99"])
def test_what_is_not_counted_by_class_is_not_told(signal: str) -> None:
    rows = {"checkout": (100, 50, 900, 1), "browse": (200, 1, 1800, 4)}
    assert failing_of_canary(document(signal, rows), 0.001) == ()
