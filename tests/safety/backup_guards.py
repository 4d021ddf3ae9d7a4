"""Guards of backups and restore: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_SWAP = "scenarios/test_swapping_a_restored_database.py"
_RIG, _REAL, _PURE = (
    "scenarios/test_backups.py",
    "contracts/test_backups.py",
    "unit/drivers/test_backup_log.py",
)

BACKUP_GUARDS: tuple[Guard, ...] = (
    *of(
        4,
        _SWAP,
        "engine/approve.py",
        (
            "backups: the count of what is lost is what people sign",
            "_OF_THE_LOSS = (MEASURE_NODE, FENCE_LOST, COMPARE_NODE)",
            "_OF_THE_LOSS = (MEASURE_NODE, FENCE_LOST)",
            "test_it_is_counted_signed_for_and_swapped_in_and_the_replaced_one_is_kept",
        ),
    ),
    *of(
        9,
        _SWAP,
        "engine/bind_restore.py",
        (
            "backups: one that failed its checks is not swapped in",
            'if mine[-1].body["verdict"] != Verdict.PASS.value:',
            "if False:",
            "test_what_is_not_fit_is_refused_before_anything",
        ),
        (
            "backups: one from before another swap is not swapped in",
            "    if later:\n",
            "    if False:\n",
            "test_it_is_counted_signed_for_and_swapped_in_and_the_replaced_one_is_kept",
        ),
    ),
    *of(
        9,
        _SWAP,
        "steps/load_restored.py",
        (
            "backups: a copy that lacks rows is not swapped in",
            "if different or not standing.loaded:",
            "if False:",
            "test_a_copy_that_is_not_what_was_restored_is_never_swapped_in",
        ),
    ),
    *of(
        9,
        _SWAP,
        "engine/view.py",
        (
            "backups: behind the swap nothing turns back",
            "return self.begun(SWAP_NODE)",
            "return False",
            "test_behind_the_swap_nobody_aborts",
        ),
    ),
    *of(
        9,
        _RIG,
        "engine/readiness_backups.py",
        (
            "backups: one that cannot be read is red",
            "if broken := [one for one in state.backups if not one.readable]:",
            "if broken := []:",
            "test_one_that_is_damaged_is_red_though_another_is_fine",
        ),
        (
            "backups: one that is too old is red",
            "if age > TOLERANCE * rules.every:",
            "if False:",
            "test_one_that_is_too_old_is_red",
            "KeyError",
        ),
        (
            "backups: an archive that is behind is red",
            "if behind > rules.archive_lag:",
            "if False:",
            "test_an_archive_that_is_behind_is_red",
            "KeyError",
        ),
        ("backups: a gap is red", "    if state.gap:\n", "    if False:\n", "test_a_gap_in_the_log_is_red", "KeyError"),
    ),
    *of(
        11,
        _RIG,
        "engine/backups.py",
        (
            "backups: a copy of the data is journalled before it is made",
            '    _note(world, EventKind.RESTORE_ASKED, {"to": to}, person, reason, actor)\n',
            "",
            "test_who_asks_and_why_is_journalled_before_a_copy_of_the_data_is_made",
            "ValueError",
        ),
    ),
    *of(
        9,
        _PURE,
        "drivers/backups/_log.py",
        (
            "backups: the log of the new timeline counts",
            "t for t, begin in begins.items() if begin // size <= number",
            "t for t, begin in begins.items() if begin // size < 0",
            "test_after_a_promotion_the_new_timelines_files_count",
        ),
    ),
    *of(
        9,
        _REAL,
        "drivers/backups/postgres.py",
        (
            "backups: a damaged one is never restored",
            "        _taking.read_in_full(place, place.base / backup.id)\n",
            "",
            "test_a_damaged_backup_is_found_and_never_restored",
        ),
        (
            "backups: no restore over a gap",
            "        if missing := self._missing(self._place(), backup, state.archived_to):\n",
            "        if missing := '':\n",
            "test_a_time_that_cannot_be_had_is_refused_and_leaves_nothing",
        ),
    ),
)
