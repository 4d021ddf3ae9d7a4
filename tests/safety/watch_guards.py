"""Guards of the watch over objectives, and of what begins by itself: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_JUDGE = "unit/judge/test_burn.py"
_BURN = "scenarios/test_burn.py"
_ONCE = "scenarios/test_automatic.py"
_LINT = "unit/policy/test_watch.py"

WATCH_GUARDS: tuple[Guard, ...] = (
    *of(
        5,
        _JUDGE,
        "judge/burn.py",
        (
            "a burn: it still goes on",
            "return goes_on and long.bad",
            "return long.bad",
            "test_when_a_rule_burns[the short one is well again]",
        ),
        (
            "a burn: a few failures prove nothing",
            "goes_on and long.bad >= LEAST and",
            "goes_on and",
            "test_when_a_rule_burns[a few failures]",
        ),
        (
            "a burn: the long window by its lower limit",
            "lower_limit(window.bad, window.requests, SURE) >= limit",
            "True",
            "test_when_a_rule_burns[above the limit by chance]",
        ),
        (
            "a burn: what nobody saw is no alarm",
            "_reaches(long.filled(rule.long), limit)",
            "_reaches(long, limit)",
            "test_what_nobody_saw_was_well_for_an_alarm_and_nothing_for_the_all_clear",
        ),
        (
            "a burn: what nobody saw is never green",
            " and window.requests >= enough(limit)",
            "",
            "test_what_nobody_saw_was_well_for_an_alarm_and_nothing_for_the_all_clear",
        ),
        (
            "a burn: what was there before is not a release's doing",
            "return before.part < limit and _burn",
            "return _burn",
            "test_whether_it_began_with_something",
        ),
    ),
    *of(
        5,
        _BURN,
        "guard/burn_watch.py",
        (
            "a burn: a lost region hides nothing elsewhere",
            " and without(found, self._rings, lost.region, now, self._answered_at) != State.BURNS",
            "",
            "test_a_region_that_is_lost_hides_nothing_that_burns_elsewhere",
        ),
        (
            "a burn: nothing is said while it is answered",
            "if burning.answering(view):",
            "if False:",
            "test_while_an_operation_goes_back_nothing_is_said",
        ),
        (
            "a burn: a guard that takes over has the counts",
            "self._rings.load(rule.name, row)",
            "pass",
            "test_a_guard_that_takes_over_goes_on_with_the_same_windows",
        ),
        (
            "a burn: nothing from the future",
            "< ended <= ahead",
            "< ended",
            "test_a_request_from_the_future_forgets_nothing",
        ),
    ),
    *of(
        11,
        _BURN,
        "engine/burning.py",
        (
            "a burn: said once",
            "if known is not None and known.covers(found.rule.name, then):",
            "if False:",
            "test_two_guards_that_have_seen_it_at_once_declare_it_once",
        ),
        (
            "a burn: no release is blamed that explains nothing",
            "if not release:",
            "if False:",
            "test_what_burned_before_the_release_is_not_its_doing",
        ),
        (
            "a burn: no release is blamed for a region that is away",
            "    if away:",
            "    if False:",
            "test_what_follows",
        ),
    ),
    *of(
        11,
        _ONCE,
        "engine/automatic.py",
        (
            "once an hour: rollback and failover alike",
            'OperationKind.ROLLBACK.value: "rolled back", ',
            "",
            "test_a_failover_within_an_hour_of_an_automatic_rollback_takes_a_person",
        ),
        (
            "once an hour: a person's operations hold nothing back",
            'return row.body["requester"] == GUARD and row.body["kind"] in _REVERSALS',
            'return row.body["kind"] in _REVERSALS',
            "test_a_person_s_operations_hold_nothing_back",
        ),
        (
            "once an hour: asked at the door as well",
            "    if why := held_back(txn.events(kinds=KINDS), now):",
            '    if why := "":',
            "test_whatever_begins_it_a_second_one_is_refused_at_the_door",
        ),
    ),
    *of(
        11,
        _ONCE,
        "engine/after_promotion.py",
        (
            "once an hour: the watch over a release",
            "held = automatic.held_back(txn.events(kinds=automatic.KINDS), world.clock.now())",
            'held = ""',
            "test_a_rollback_within_an_hour_of_an_automatic_failover_takes_a_person",
        ),
    ),
    *of(
        11,
        _LINT,
        "policy/watch.py",
        (
            "one false failover a year",
            "if found.bearable:",
            "if True:",
            "test_more_than_one_false_failover_a_year_is_too_many",
        ),
    ),
)
