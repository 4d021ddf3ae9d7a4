"""Guards of what moves a service between its regions: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_THERE, _AWAY, _AGAIN = (f"scenarios/test_{kind}.py" for kind in ("switchover", "failover", "reprotect"))
_OFF = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"moving: {name}", rule, file, old, new, (f"{test_file}::{test}",))


MOVING_GUARDS: tuple[Guard, ...] = (
    _guard(
        1,
        "the proof of the fence is looked at again before the promotion",
        "steps/promote_database.py",
        'if proof is not None:\n        return f"{old} is fenced: {proof.detail}"',
        'if True:\n        return f"{old} was fenced"',
        _THERE,
        "test_without_the_fence_nothing_is_promoted",
    ),
    _guard(
        1,
        "one that was started again is fenced again, and what comes of it is looked at",
        "steps/promote_database.py",
        "graceful=False)\n            _allowed(args, world)",
        "graceful=False)",
        _AWAY,
        "test_one_that_cannot_be_fenced_once_more_is_not_promoted_past",
    ),
    _guard(
        1,
        "no signature makes two writers",
        "steps/promote_database.py",
        "if old in database.writers():",
        _OFF,
        _AWAY,
        "test_a_signature_does_not_make_two_writers",
    ),
    _guard(
        1,
        "only a signature stands in for a proof",
        "steps/promote_database.py",
        'if args.get("signed_by", "") in world.known.signed:',
        "if True:",
        _THERE,
        "test_without_the_fence_nothing_is_promoted",
    ),
    _guard(
        1,
        "nothing is stopped before the standby has everything",
        "steps/fence_database.py",
        "if (target.received or -1) < source.position:",
        _OFF,
        _THERE,
        "test_the_fence_is_not_set_before_the_standby_has_everything",
    ),
    _guard(
        1,
        "two writers are never recorded as one",
        "steps/record_placement.py",
        "if writers != (region,):",
        _OFF,
        _THERE,
        "test_two_writers_are_never_recorded_as_one",
    ),
    _guard(
        1,
        "two writers stop a reprotect",
        "engine/assess_moving.py",
        "if len(writers) > 1:",
        _OFF,
        _AGAIN,
        "test_two_writers_stop_it",
    ),
    _guard(
        4,
        "without a fence people are asked",
        "engine/moving.py",
        'if not fenced.get("fenced"):',
        _OFF,
        _AWAY,
        "test_without_a_fence_people_are_asked_however_synchronous_it_is",
    ),
    _guard(
        4,
        "what is not on record as synchronous is signed for",
        "steps/measure_loss.py",
        "synced = world.known.placement is not None and world.known.placement.synced == target",
        "synced = True",
        _AWAY,
        "test_what_may_be_lost_is_shown_and_signed_by_two",
    ),
    _guard(
        7,
        "a failover supersedes at once",
        "engine/precedence.py",
        "if view is not None and supersedes(view, request.kind):",
        _OFF,
        _AWAY,
        "test_a_promotion_in_flight_is_superseded_at_once",
    ),
    _guard(
        2,
        "no promotion while a region has no share",
        "engine/bind_moving.py",
        "if where.without_share:",
        _OFF,
        _THERE,
        "test_no_promotion_begins_while_a_region_has_no_share",
    ),
    _guard(
        2,
        "no promotion while nobody could take over",
        "engine/bind_moving.py",
        "if not where.protected:",
        _OFF,
        _AGAIN,
        "test_no_promotion_begins_before_it",
    ),
    _guard(
        2,
        "the placement is honoured by a rollback",
        "engine/open.py",
        "if moving is None and (shares := placed(world.policy, facts)):",
        "if False and (shares := placed(world.policy, facts)):",
        _THERE,
        "test_a_rollback_leaves_the_traffic_where_it_is",
    ),
    _guard(
        2,
        "no more is moved than the target carries",
        "engine/assess_moving.py",
        "if room_for(row) >= aim:",
        "if True:",
        _THERE,
        "test_no_more_is_moved_than_the_target_carries",
    ),
    _guard(
        3,
        "a foreign hand on the router",
        "steps/shift_region.py",
        "if not done and begun and state.split != world.known.left_split:",
        _OFF,
        _THERE,
        "test_a_foreign_hand_on_the_router_is_not_overwritten",
    ),
    _guard(
        3,
        "behind the fence the way is forward",
        "engine/view.py",
        "if self.kind is OperationKind.SWITCHOVER:",
        _OFF,
        _THERE,
        "test_behind_the_fence_the_way_is_forward",
    ),
)
