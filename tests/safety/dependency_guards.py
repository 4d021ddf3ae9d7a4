"""Guards of the circuit breakers before what a service calls: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_BREAKER = "drivers/traffic/_envoy_breaker.py"

DEPENDENCY_GUARDS: tuple[Guard, ...] = (
    *of(
        0,
        "contracts/test_breakers.py",
        _BREAKER,
        (
            "dependencies: an open breaker lets nobody through",
            '"healthy_panic_threshold": {"value": 0}',
            '"healthy_panic_threshold": {"value": 100}',
            "test_a_dependency_that_hangs_opens_the_breaker_which_answers_at_once_and_closes_after",
        ),
        (
            "dependencies: calls that wait are bounded",
            '"max_pending_requests": limits.pending',
            '"max_pending_requests": 100_000',
            "test_more_calls_than_the_limits_allow_are_turned_away_at_once",
        ),
        (
            "dependencies: it is the probe that finds out",
            '**({"health_checks": [_probe(limits)]} if limits.probe else {}),',
            "",
            "test_while_it_hangs_no_call_of_a_user_is_spent_on_finding_out",
        ),
    ),
    *of(
        0,
        "unit/guard/test_dependency_watch.py",
        "engine/dependencies.py",
        (
            "dependencies: what was seen long ago is not shown",
            "if beat is None or beat.expires_at < now:",
            "if beat is None:",
            "test_the_guard_leaves_it_for_pages_and_it_runs_out",
        ),
        (
            "dependencies: limits that are not the policy's are told of",
            "if differs := _differs(part.limits, state.limits):",
            'if differs := "":',
            "test_a_router_with_other_limits_or_without_a_breaker_is_told_of",
        ),
    ),
)
