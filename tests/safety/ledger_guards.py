"""Guards of the lost-write ledger: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_RIG, _REAL = "scenarios/test_lost_writes.py", "contracts/test_lost_writes.py"
_OFF = "if False:"


def _guard(name: str, file: str, old: str, new: str, test: str, test_file: str = _RIG) -> Guard:
    return Guard(f"ledger: {name}", 9, file, old, new, (f"{test_file}::{test}",))


LEDGER_GUARDS: tuple[Guard, ...] = (
    _guard(
        "the old primary is not rewound while it is all that has what was lost",
        "steps/reprotect_database.py",
        "            _nothing_is_destroyed(world)\n",
        "            pass\n",
        "test_the_step_itself_refuses_to_destroy_what_nobody_has_read",
    ),
    _guard(
        "a reprotect waits for people",
        "engine/assess_moving.py",
        "if ledger is None or ledger.settled:",
        "if True:",
        "test_the_old_primary_is_not_rewound_while_an_entry_is_open",
    ),
    _guard(
        "no way home past it",
        "engine/lost_writes.py",
        "if ledger is None or ledger.settled:",
        "if True:",
        "test_a_switchover_names_the_ledger",
    ),
    _guard(
        "what was read is not unreadable",
        "engine/ledger.py",
        '    if state.kept:\n        raise Refused(\n            f"{state.region} was read',
        '    if False:\n        raise Refused(\n            f"{state.region} was read',
        "test_what_was_read_is_not_unreadable",
    ),
    _guard(
        "a row that somebody has written since is left alone",
        "drivers/database/_reapply.py",
        "if not self.untouched or list(there) != [self.new]:",
        _OFF,
        "test_reapplied_twice_is_once_and_a_conflict_is_left_alone",
        _REAL,
    ),
    _guard(
        "what both histories have is no lost write",
        "drivers/database/_lost.py",
        "if xid not in shared]",
        "if True]",
        "test_exactly_what_the_old_primary_alone_had",
        _REAL,
    ),
)
