"""Guards of one endpoint class that moves alone: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_SCENARIO = "scenarios/test_detours.py"
_CONTRACT = "contracts/test_traffic_detours.py"
_JUDGE = "unit/judge/test_classes.py"

DETOUR_GUARDS: tuple[Guard, ...] = (
    *of(
        3,
        _CONTRACT,
        "drivers/traffic/memory.py",
        (
            "a detour: who sets it late is refused",
            'refuse_stale("the detours", self._detours.epoch, token.epoch, token.operation)',
            "pass",
            "test_who_sets_it_late_is_refused_once_it_is_lifted[memory]",
        ),
    ),
    *of(
        3,
        _CONTRACT,
        "drivers/traffic/envoy.py",
        (
            "a detour: who sets it late is refused by the file",
            "if now.epoch > token.epoch:",
            "if False:",
            "test_who_sets_it_late_is_refused_once_it_is_lifted[envoy]",
        ),
    ),
    *of(
        0,
        _CONTRACT,
        "drivers/traffic/_rules.py",
        (
            "a detour: nobody is sent where nobody answers",
            "if not any(weight and arm in healthy for arm, weight in detoured(split, one.to).weights):",
            "if False:",
            "test_nobody_is_sent_to_a_region_that_answers_nothing[memory]",
        ),
        (
            "a detour: of a class that the router knows",
            "if one.endpoint not in known:",
            "if False:",
            "test_what_the_router_does_not_know_is_refused",
        ),
    ),
    *of(
        0,
        "unit/drivers/test_envoy_file.py",
        "drivers/traffic/_envoy_file.py",
        (
            "a detour: the first class that matches wins",
            "for one in endpoints[:upto]:",
            "for one in (one for one in endpoints[:upto] if one.name in away):",
            "test_classes_are_told_apart_as_the_policy_does_and_only_as_far_as_one_is_away",
        ),
    ),
    *of(
        0,
        "unit/test_detour.py",
        "model/detour.py",
        (
            "a detour: none to a region that the service has left",
            "if not share:",
            "if False:",
            "test_the_class_is_shared_as_the_region_is[a region without traffic takes none]",
            "ZeroDivisionError",
        ),
    ),
    *of(
        0,
        _JUDGE,
        "judge/classes.py",
        (
            "one class: not where more fails",
            "if len(sick) > 1:",
            "if False:",
            "test_anything_wider_or_less_sure_moves_no_route",
            "ValueError",
        ),
        (
            "one class: only where the rest of the region is known to be well",
            "if not others or not others <= well:",
            "if False:",
            "test_anything_wider_or_less_sure_moves_no_route",
        ),
        (
            "one class: too little seen says nothing",
            "if one.requests >= rule.requests}",
            "if one.requests}",
            "test_anything_wider_or_less_sure_moves_no_route",
        ),
    ),
    *of(
        11,
        _SCENARIO,
        "engine/detours.py",
        (
            "a detour: only where there is room",
            "if wanted > carries or not able:",
            "if False:",
            "test_a_region_without_room_gets_nothing_and_a_person_is_told_why",
        ),
        (
            "a detour: not while an operation moves traffic",
            "if lease is not None and lease.kind in BUSY:",
            "if False:",
            "test_while_an_operation_moves_traffic_no_class_is_moved",
        ),
        (
            "a detour: nobody bears the guard's name",
            "if person != GUARD or actor != GUARD:",
            "if person != GUARD:",
            "test_who_may_not_and_what_cannot_leaves_no_row",
        ),
        (
            "a detour: an older command loses",
            'router.detour(wanted, Token(seq, "detours"))\n    return new\n\n\ndef lift',
            'router.detour(wanted, Token(0, "detours"))\n    return new\n\n\ndef lift',
            "test_an_older_command_that_arrives_late_loses",
        ),
    ),
    *of(
        11,
        _SCENARIO,
        "engine/class_loss.py",
        (
            "one class: once an hour by itself",
            'return (PAGE, held) if then == ACT and held else (then, "")',
            'return then, ""',
            "test_a_second_time_within_an_hour_takes_a_person",
        ),
    ),
    *of(
        11,
        _SCENARIO,
        "engine/obstacles.py",
        (
            "a detour: no promotion begins meanwhile",
            "    yield from on_detours(world.service, txn)\n",
            "",
            "test_no_promotion_begins_meanwhile_but_for_a_hotfix",
        ),
    ),
    *of(
        11,
        _SCENARIO,
        "guard/class_watch.py",
        (
            "one class: the guard finishes what was interrupted",
            "elif detours.reassert(world, failing.endpoint):",
            "elif failing.endpoint in {one.endpoint for one in detours.standing(world.journal, world.service)}:",
            "test_on_record_before_the_effect_and_whoever_comes_next_finishes_it",
        ),
    ),
)
