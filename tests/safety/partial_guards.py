"""Guards of partial answers to partial failures: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_SCENARIO = "scenarios/test_partial_failover.py"
_OFF = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(f"partial: {name}", rule, file, old, new, (f"{_SCENARIO}::{test}",))


PARTIAL_GUARDS: tuple[Guard, ...] = (
    _guard(
        2,
        "users are not left in a region that is dark",
        "engine/partial.py",
        "if source in seen and shares.get(source):",
        _OFF,
        "test_users_are_not_left_in_a_region_that_is_dark",
    ),
    Guard(
        "partial: of a region that dies everything moves, whichever part was seen first",
        2,
        "engine/region_loss.py",
        'return DATABASE if told.what == DATABASE and told.region not in dark(world.estate) else ""',
        'return DATABASE if told.what == DATABASE else ""',
        (f"{_SCENARIO}::test_of_a_region_that_dies_one_part_is_seen_before_the_others",),
        dies_by=("ValueError",),
    ),
    _guard(
        3,
        "a candidate keeps no traffic although traffic stays",
        "engine/partial.py",
        "if node.id == CUTOVER_END and not _as_meant(view):",
        _OFF,
        "test_a_candidate_keeps_no_traffic",
    ),
    _guard(
        3,
        "a shift that was on its way is refused although the split is as it should be",
        "engine/partial.py",
        "return not binding.superseded and view",
        "return view",
        "test_a_shift_that_was_on_its_way_is_refused",
    ),
)
