"""Rule 1. At most one writable database per service at any instant. Fence first, then promote. No automatic
cross-region promotion without proof of the fence, or a signed acceptance that names the loss.

Fence and promotion come with part 4 (:mod:`tests.safety.rules`). Until then nothing of Tidegate writes to a database.
"""

from __future__ import annotations

import pytest

from tests.support.policies import changed, complaints


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (("database: standby", "database: primary"), "east, west"),
        (("database: primary", "database: standby"), "none"),
    ],
)
def test_a_policy_names_exactly_one_primary(change: tuple[str, str], found: str) -> None:
    wrong = complaints(changed(change))
    assert any(f"exactly one region has database: primary (found: {found})" in line for line in wrong), wrong
