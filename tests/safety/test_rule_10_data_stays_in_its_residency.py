"""Rule 10. Data residency: a failover target outside the policy's residency is refused at plan time.

Failover comes with part 4, and the policy's key ``residency`` with it: until then a policy that names one is refused,
so that nobody believes it to be held.
"""

from __future__ import annotations

from tests.support.policies import changed, complaints


def test_a_residency_that_nothing_would_hold_cannot_be_written() -> None:
    wrong = complaints(changed(("regions:", "residency: [eu]\nregions:")))
    assert any("residency" in line for line in wrong), wrong
