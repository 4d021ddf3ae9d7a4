"""Guards of the detection of lost regions: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_RULE, _SCENARIO = "unit/judge/test_regions.py", "scenarios/test_region_loss.py"
_RELAX = "scenarios/test_relaxing.py"
_AWAY = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"regions: {name}", rule, file, old, new, (f"{test_file}::{test}",))


REGION_GUARDS: tuple[Guard, ...] = (
    _guard(
        5,
        "a stale point does not count",
        "judge/regions.py",
        "if not -rule.stale_after <= now - sight.at <= rule.stale_after:",
        _AWAY,
        _RULE,
        "test_a_point_that_is_stale_or_from_the_future_counts_neither_way",
    ),
    _guard(
        5,
        "a point that sees nothing does not count",
        "judge/regions.py",
        "elif not any(run.well for runs in sight.regions.values() for run in runs.values()):",
        "elif False:",
        _RULE,
        "test_a_point_that_sees_nothing_at_all_doubts_its_own_line",
    ),
    Guard(
        "regions: a quorum of points",
        5,
        "judge/regions.py",
        "if len(runs) >= rule.points]",
        "if len(runs) >= 1]",
        (f"{_RULE}::test_one_point_alone_decides_nothing_and_it_is_said",),
        ("IndexError",),  # the time of a second vote that there is not
    ),
    _guard(
        5,
        "so many failures in a row",
        "judge/regions.py",
        "run.well is False and run.times >= rule.probes}",
        "run.well is False}",
        _RULE,
        "test_two_failures_are_not_three",
    ),
    _guard(
        5,
        "what cannot be told is no failure",
        "judge/regions.py",
        "if run.well is False and",
        "if not run.well and",
        _RULE,
        "test_what_cannot_be_told_is_no_vote",
    ),
    _guard(
        1,
        "only a primary's database is failed out of",
        "engine/region_loss.py",
        "if not loss.primary:",
        _AWAY,
        _SCENARIO,
        "test_only_a_primary_s_database_is_failed_out_of",
    ),
    _guard(
        1,
        "twice within an hour takes a person",
        "engine/region_loss.py",
        'return (PAGE, held) if then == ACT and held else (then, "")',
        'return then, ""',
        _SCENARIO,
        "test_two_automatic_failovers_within_an_hour_need_a_person",
    ),
    _guard(
        5,
        "old news starts nothing",
        "engine/region_loss.py",
        "if age > VOID_AFTER and not told.answered:",
        _AWAY,
        _SCENARIO,
        "test_old_news_starts_nothing",
    ),
    _guard(
        7,
        "while an operation moves the service nothing is ruled",
        "engine/region_loss.py",
        "if lease is not None and lease.kind in (OperationKind.FAILOVER, OperationKind.SWITCHOVER):",
        _AWAY,
        _SCENARIO,
        "test_a_loss_that_is_seen_as_a_move_begins_is_not_declared",
    ),
    _guard(
        7,
        "one loss is one episode",
        "engine/region_loss.py",
        "if said is not None and said.covers(loss):",
        _AWAY,
        _SCENARIO,
        "test_two_guards_declare_one_loss_once",
    ),
    _guard(
        5,
        "writes let go of a standby only once it has been gone for a while",
        "guard/sync_watch.py",
        "if now - self._gone_since < relaxing.GONE_FOR:",
        _AWAY,
        _RELAX,
        "test_a_standby_that_is_back_at_once_is_waited_for",
    ),
    _guard(
        1,
        "the record is withdrawn when writes let go",
        "engine/relaxing.py",
        "if not wait.begun:",
        _AWAY,
        _RELAX,
        "test_writes_go_on_without_a_standby_that_has_gone",
    ),
    _guard(
        1,
        "a primary that is lost keeps its record",
        "engine/relaxing.py",
        'primary.role == "primary" and ',
        "",
        _RELAX,
        "test_a_primary_that_is_lost_is_no_reason",
    ),
    _guard(
        7,
        "whoever moves the service sees to who is waited for",
        "engine/relaxing.py",
        "if lease is not None and lease.kind in MOVING:",
        _AWAY,
        _RELAX,
        "test_an_operation_that_moves_the_service_sees_to_it_itself",
    ),
    _guard(
        2,
        "a failover measures its room once the router sees the target",
        "steps/region_room.py",
        "counters().healthy.get(arm, 0)) < running:",
        "counters().healthy.get(arm, 0)) < 0:",
        "scenarios/test_failover.py",
        "test_traffic_waits_until_the_router_sees_instances_that_have_their_database_back",
    ),
)
