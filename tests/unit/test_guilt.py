"""Which component is guilty."""

from __future__ import annotations

import pytest

from tidegate.model.guilt import guilty_component
from tidegate.model.release import Release

OWNERS = {"checkout": "basket", "browse": "window", "receipt": "receipts", "copy": "receipts"}
OLD = Release("1.0.0", "sha256:old", 1, components={"basket": "b0", "window": "w", "receipts": "r0"})
NEW = Release("1.1.0", "sha256:new", 2, components={"basket": "b1", "window": "w", "receipts": "r1", "late": "l"})


def test_every_class_that_fails_is_its_own() -> None:
    found = guilty_component(["receipt", "copy"], OWNERS, NEW, OLD)
    assert (found.component, found.without) == ("receipts", "1.1.0+receipts@1.0.0")


@pytest.mark.parametrize(
    ("failing", "why"),
    [
        ([], "not told"),
        (["receipt", "checkout"], "of several components: basket, receipts"),
        (["receipt", "other"], "not each of them is a component's"),
        (["browse"], "is the same in 1.0.0"),
        (["new"], "1.0.0 declares no component late"),
    ],
)
def test_else_nobody_is(failing: list[str], why: str) -> None:
    found = guilty_component(failing, {**OWNERS, "new": "late"}, NEW, OLD)
    assert (found.component, found.without) == ("", "")
    assert why in found.why


def test_without_a_baseline_there_is_nothing_to_take_it_from() -> None:
    assert guilty_component(["receipt"], OWNERS, NEW, None).without == ""
