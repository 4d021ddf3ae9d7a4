"""Guards of jobs of which one at most runs: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_MOVES, _DRIVERS = "scenarios/test_singletons.py", "contracts/test_singletons.py"
_OFF = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"singletons: {name}", rule, file, old, new, (f"{test_file}::{test}",))


SINGLETON_GUARDS: tuple[Guard, ...] = (
    _guard(
        1,
        "none is started before writes go there alone",
        "steps/start_singletons.py",
        "if writers != (region,):",
        _OFF,
        _MOVES,
        "test_none_is_started_while_writes_do_not_go_there_alone",
    ),
    _guard(
        1,
        "two are never started",
        "steps/start_singletons.py",
        "if running and not _left_running(args, world):",
        _OFF,
        _MOVES,
        "test_two_are_never_started",
    ),
    _guard(
        3,
        "one from before the fence is started anew",
        "steps/start_singletons.py",
        "if state.epoch is None or state.epoch < since]",
        "if state.epoch is None]",
        _MOVES,
        "test_one_that_was_started_before_the_fence_is_started_anew",
    ),
    _guard(
        3,
        "an order to stop from before the turn is refused",
        "steps/start_singletons.py",
        "since = max(world.known.turned_back, ",
        "since = max(0, ",
        _MOVES,
        "test_an_order_to_stop_that_is_late_is_refused_once_the_operation_has_turned_back",
    ),
    _guard(
        3,
        "a region takes no order of an older epoch",
        "drivers/compute/_singletons.py",
        'refuse_stale(f"{name} in {region}", held, token.epoch, token.operation)',
        "pass",
        _DRIVERS,
        "test_an_older_epoch_is_refused",
    ),
    _guard(
        1,
        "the old one has ended before the new one begins",
        "drivers/compute/_singletons.py",
        "self._end(region, name, token, [e for e in present if command is None or e != token.epoch])",
        "pass",
        _DRIVERS,
        "test_one_that_is_frozen_is_ended_before_the_next_begins",
    ),
)
