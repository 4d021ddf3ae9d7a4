"""Guards of the moves of the place that takes writes: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_MOVES = "contracts/test_database_moves.py"
_AWAY = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str, *dies_by: str) -> Guard:
    return Guard(f"database: {name}", rule, file, old, new, (f"{test_file}::{test}",), dies_by)


DATABASE_GUARDS: tuple[Guard, ...] = (
    _guard(
        1,
        "no promotion beside a primary that answers",
        "drivers/database/_moves.py",
        "    if others:\n",
        f"    {_AWAY}\n",
        _MOVES,
        "test_a_primary_is_not_promoted_beside_another",
    ),
    _guard(
        1,
        "a writer is not made a standby",
        "drivers/database/_moves.py",
        'if states[region].role == "primary":',
        _AWAY,
        _MOVES,
        "test_a_writer_is_not_made_a_standby",
    ),
    _guard(
        1,
        "a control that never started the server proves nothing",
        "drivers/database/_switches.py",
        "process.started and process.exit_status >= 0",
        "process.exit_status >= 0",
        _MOVES,
        "test_a_server_that_outlived_its_control_is_not_taken_for_stopped",
    ),
    _guard(
        1,
        "what is left after the power went is no proof",
        "drivers/database/_switches.py",
        "return not self.on and not self.processes",
        "return not self.on",
        "unit/lab/test_outlets.py",
        "test_the_switch_is_looked_at_and_turned",
    ),
    _guard(
        1,
        "a role that is exempt from read-only is named",
        "drivers/database/_quiet.py",
        "if (exempt := connection.execute(_EXEMPT).fetchone()) is not None:",
        "if (exempt := None) is not None:",
        _MOVES,
        "test_a_role_that_is_exempt_from_the_default_is_named_and_nothing_changes",
    ),
    _guard(
        1,
        "sessions from before a primary came to rest are ended",
        "drivers/database/_quiet.py",
        "    connection.execute(_END, end)\n    deadline",
        "    return\n    deadline",
        _MOVES,
        "test_a_session_that_insists_on_writing_does_not_get_through",
    ),
    _guard(
        3,
        "a stale actor moves no database",
        "drivers/database/_admin.py",
        "if held > token.epoch:",
        _AWAY,
        _MOVES,
        "test_a_stale_actor_and_one_without_a_lease_move_nothing",
    ),
)
