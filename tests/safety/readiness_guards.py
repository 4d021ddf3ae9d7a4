"""Guards of readiness and residency: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_MOVING = "scenarios/test_readiness_moving.py"
_FAULT = f"{_MOVING}::test_each_item_is_turned_red_by_its_fault_and_says_what_to_do"
_CONSISTENT = "scenarios/test_consistency.py"
_R10 = "safety/test_rule_10_data_stays_in_its_residency.py"


def _moving(name: str, old: str, new: str, test: str) -> Guard:
    return Guard(f"readiness: {name}", 5, "engine/readiness_moving.py", old, new, (test,))


READINESS_GUARDS: tuple[Guard, ...] = (
    _moving("a standby that does not stream", "not state.streaming:", "False:", f"{_FAULT}[no-stream]"),
    _moving(
        "an objective that is missed",
        "if rpo and state.lag_seconds >= rpo:",
        "if False:",
        f"{_MOVING}::test_an_objective_that_is_missed_is_red",
    ),
    _moving(
        "writes that wait for nobody",
        "if rpo == 0 and not state.synchronous:",
        "if False:",
        f"{_MOVING}::test_losing_nothing_is_not_promised_where_writes_wait_for_nobody",
    ),
    _moving("a region that is too small", "if carries < demand:", "if False:", f"{_FAULT}[crowd]"),
    _moving("another digest", "if wrong or not instances:", "if False:", f"{_FAULT}[instance-dead]"),
    _moving("vantage points that are silent", "if beat.expires_at >= now)", "if True)", f"{_FAULT}[nobody-looks]"),
    Guard(
        "readiness: a clock that is off",
        5,
        "engine/readiness_ground.py",
        "if abs(off) - unsure > CLOCK_WITHIN]",
        "if False]",
        (f"{_FAULT}[database-clock]", f"{_FAULT}[control-clock]"),
    ),
    Guard(
        "readiness: a certificate that ends soon",
        5,
        "engine/readiness_ground.py",
        "if days < DAYS}",
        "if False}",
        (f"{_MOVING}::test_a_certificate_that_ends_soon_is_red[3-True]",),
    ),
    Guard(
        "readiness: what never was is not green",
        5,
        "engine/readiness_item.py",
        "return self.state is State.READY",
        "return self.state is not State.NOT_READY",
        (f"{_MOVING}::test_a_service_that_is_well_is_green_and_what_never_was_is_neither",),
    ),
    Guard(
        "residency: no operation begins that would leave it",
        10,
        "engine/residency.py",
        "if found:",
        "if False:",
        (
            f"{_R10}::test_a_target_outside_is_refused_before_anything",
            f"{_R10}::test_a_connection_that_leads_outside_is_refused_and_the_way_back_is_not",
        ),
    ),
    Guard(
        "residency: the policy is refused where it says so",
        10,
        "policy/residency.py",
        "if area not in self.within}",
        "if False}",
        (f"{_R10}::test_each_place_that_is_outside_is_refused_where_it_is_written",),
    ),
    Guard(
        "consistency: a name that leads elsewhere",
        5,
        "engine/consistency.py",
        "if found != wanted:",
        "if False:",
        (f"{_CONSISTENT}::test_a_name_that_leads_elsewhere_or_to_too_few_is_red",),
    ),
    Guard(
        "consistency: a stale asset",
        5,
        "engine/consistency.py",
        "if found not in digests:",
        "if False:",
        (f"{_CONSISTENT}::test_an_asset_of_the_release_that_was_taken_back_is_caught",),
    ),
)
