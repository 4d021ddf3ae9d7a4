"""Guards of drills that restore a backup: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_RESTORE = "scenarios/test_drill_restore.py"

DRILL_RESTORE_GUARDS: tuple[Guard, ...] = (
    *of(
        0,
        _RESTORE,
        "drill/restoring.py",
        (
            "a restore drill: what was there before has to be in the copy",
            "                snapshot=snapshot if reached else None,\n",
            "",
            "test_the_copy_is_held_against_what_was_there_before_the_order",
        ),
        (
            "a restore drill: a copy that need not have it is not asked for it",
            "snapshot=snapshot if reached else None",
            "snapshot=snapshot",
            "test_an_archive_that_stops_during_the_drill_misses_the_rpo",
        ),
        (
            "a restore drill: a copy whose checks are not passed fails it",
            "*steady.unsound(found.report), ",
            "",
            "test_rows_that_have_vanished_from_the_copy_fail_it",
        ),
        (
            "a restore drill: what is not proven meets no RTO",
            "total=None if wrong else took)",
            "total=took)",
            "test_rows_that_have_vanished_from_the_copy_fail_it",
        ),
        (
            "a restore drill: a table on one side alone fails it",
            "        if one.live is None or one.restored is None:\n",
            "        if False:\n",
            "test_a_table_that_the_copy_has_not_fails_it",
        ),
        (
            "a restore drill: what cannot be compared fails it",
            "*([found.why] if found.tables is None else [])",
            "",
            "test_a_live_database_that_cannot_be_compared_with_fails_it",
        ),
        (
            "a restore drill: the most that was seen counts",
            "max(self._worst, ordered - max(known))",
            "max(0.0, ordered - max(known))",
            "test_the_most_that_the_archive_was_seen_behind_is_what_counts",
        ),
        (
            "a restore drill: it is proven in time",
            "        if took > self.rehearsal.within:\n",
            "        if False:\n",
            "test_one_that_is_not_proven_in_time_at_all_says_so",
        ),
        (
            "a restore drill: what happens to the service itself ends it",
            "        if now := incident(self.cast.world.journal, self.cast.service):\n",
            "        if now := None:\n",
            "test_what_begins_with_the_service_itself_ends_it_before_the_copy_is_looked_at",
        ),
        (
            "a restore drill: whose the copy is, is noted before it is looked at",
            "        note_copy(self.cast, copy)\n",
            "",
            "test_after_a_holder_that_was_killed_the_next_one_drops_its_copy",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/home.py",
        (
            "a restore drill: the copy is dropped on the way home",
            "    drop_copies(cast, cast.id)\n",
            "",
            "test_whoever_is_interrupted_leaves_no_copy",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/died.py",
        (
            "a restore drill: the copy of one that was killed is dropped",
            "    drop_copies(cast, other.id)\n",
            "",
            "test_after_a_holder_that_was_killed_the_next_one_drops_its_copy",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/copies.py",
        (
            "a restore drill: nobody else's copy is dropped",
            "        if one.id in mine:\n",
            "        if True:\n",
            "test_one_that_was_there_before_is_left_alone",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/steady.py",
        (
            "a drill: a restored database that is left over fails it",
            '    "beside": "a restored database",\n',
            "",
            "test_a_copy_that_nobody_gets_rid_of_fails_it",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/ready.py",
        (
            "a restore drill: an environment without backups is said",
            "        yield from _no_backups(cast)\n",
            "        yield from ()\n",
            "test_an_environment_without_backups_says_so",
        ),
    ),
    *of(
        0,
        _RESTORE,
        "drill/targets.py",
        (
            "a restore drill: the RPO is held against what the archive had",
            "    if result.rpo_met is False:\n",
            "    if False:\n",
            "test_an_archive_that_stops_during_the_drill_misses_the_rpo",
        ),
        (
            "a restore drill: its own RTO is held",
            "        return own or objectives.rto, ",
            "        return objectives.rto, ",
            "test_a_copy_that_takes_too_long_misses_the_rto",
        ),
    ),
    *of(
        0,
        "unit/policy/test_drills.py",
        "policy/drills.py",
        (
            "policy: a restore that is rehearsed needs a check that would miss a row",
            "    if not any(check.not_below_snapshot or check.unchanged_since_snapshot",
            "    if False and not any(check.not_below_snapshot or check.unchanged_since_snapshot",
            "test_a_restore_needs_backups_and_a_check_that_would_miss_a_row",
        ),
    ),
    *of(
        0,
        "unit/cli/test_drilling.py",
        "cli/drilling.py",
        (
            "a restore drill: it is no game day",
            "if scenario is not Scenario.RESTORE]",
            "]",
            "test_a_restore_is_no_game_day",
        ),
    ),
    *of(
        0,
        "contracts/test_restore_drill.py",
        "drivers/backups/postgres.py",
        (
            "backups: files that stay are never said to be gone",
            "        if data.exists():\n",
            "        if False:\n",
            "test_files_that_stay_are_never_said_to_be_gone",
        ),
    ),
    *of(
        0,
        "contracts/test_restore_drill.py",
        "engine/backups.py",
        (
            "backups: a snapshot is what the checks on a copy compare with",
            "    skipped = NOT_ASKED if snapshot is None else NOT_ASKED - OF_SNAPSHOT\n",
            "    skipped = NOT_ASKED\n",
            "test_a_copy_that_lacks_rows_of_before_is_found_out",
        ),
    ),
)
