"""Guards of the ladder: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_LADDER, _HEALTH = "scenarios/test_ladder.py", "unit/judge/test_aftermath.py"


def _guard(name: str, file: str, old: str, new: str, test: str, *, where: str = _LADDER) -> Guard:
    return Guard(f"ladder: {name}", 0, file, old, new, (f"{where}::{test}",), ("Halt",))


LADDER_GUARDS: tuple[Guard, ...] = (
    _guard(
        "the fast lane goes before a limit, never before a target that is there",
        "engine/assess.py",
        "if not row.healthy and row.lowest_safe",
        "if False",
        "test_it_waits_for_the_first_target_of_a_slot_that_has_to_start",
        where="scenarios/test_fast_lane.py",
    ),
    _guard(
        "it stops at the first rung that restores",
        "engine/ladder.py",
        "if view.stopped_at is not None:",
        "if False:",
        "test_it_stops_at_the_first_rung_that_restores",
    ),
    _guard(
        "a violation that holds never goes on",
        "engine/assess_rung.py",
        "if r.severity is Severity.HOLD]",
        "if False]",
        "test_a_violation_that_holds_never_goes_on",
    ),
    _guard(
        "the last rung holds if it restores nothing",
        "engine/assess_rung.py",
        'if gate.args["last"]:',
        "if False:",
        "test_the_last_rung_holds_if_it_restores_nothing",
    ),
    _guard(
        "users who are still ill send it on",
        "engine/assess_rung.py",
        "ill = [health.why] if health.verdict is Verdict.FAIL else []",
        "ill: list[str] = []",
        "test_users_who_are_still_ill_send_it_on",
    ),
    _guard(
        "what cannot be checked is not restored",
        "engine/assess_rung.py",
        "if unseen := [r for r in wrong.values() if r.status is not Status.VIOLATED]:",
        "if unseen := []:",
        "test_what_cannot_be_checked_is_not_restored",
    ),
    _guard(
        "old counts of users are no health",
        "judge/aftermath.py",
        "if not abs(now - written) <= stale_after:",
        "if False:",
        "test_blind_is_never_health",
        where=_HEALTH,
    ),
    _guard(
        "no user at all is no health",
        "judge/aftermath.py",
        "if requests < asked.requests:",
        "if False:",
        "test_one_region",
        where=_HEALTH,
    ),
    _guard(
        "a rung that took nothing back is not the one that restores",
        "engine/ladder.py",
        'skipped = not changed_by(view, rung) and not (node.args["last"] and unrestored(view))',
        "skipped = False",
        "test_a_release_that_never_had_traffic_is_stopped",
    ),
    _guard(
        "nothing is asked of a region that was never touched",
        "engine/ladder.py",
        'return "" if region in touched_regions(view) else f"this operation has never touched {region}"',
        'return ""',
        "test_nothing_is_asked_of_a_region_that_was_never_touched",
    ),
    _guard(
        "a region that does not answer blocks no way back",
        "engine/debt.py",
        "    if _answers(world, region):\n        return None\n",
        "    return None\n",
        "test_a_touched_region_that_dies_is_a_debt_and_no_block",
    ),
    _guard(
        "a region that is silent for a moment is asked again",
        "engine/debt.py",
        "if world.clock.now() >= give_up:",
        "if True:",
        "test_a_region_that_is_silent_for_a_moment_is_no_debt",
    ),
)
