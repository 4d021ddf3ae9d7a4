"""Guards of locks whose holder stands still: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_UNIT = "unit/drivers/test_holder.py"

LOCK_GUARDS: tuple[Guard, ...] = (
    *of(
        3,
        _UNIT,
        "drivers/_holder.py",
        (
            "locks: one who stands still and was superseded is ended",
            "elif now >= self._since + STOPPED_FOR:",
            "elif False:",
            "test_one_who_stands_still_and_was_superseded_is_ended",
        ),
        (
            "locks: one who runs is not ended",
            "not found.stopped or ",
            "",
            "test_nobody_else_is_ended[it runs]",
        ),
        (
            "locks: one who is not older is not ended",
            " or found.epoch >= self._token.epoch:",
            ":",
            "test_nobody_else_is_ended[the same epoch]",
        ),
        (
            "locks: who was dead long ago is not taken for the holder",
            "if not _has_open(pid, path):",
            "if False:",
            "test_what_a_dead_holder_has_left_in_the_file_names_nobody",
        ),
    ),
    *of(
        3,
        _UNIT,
        "drivers/compute/_slot.py",
        (
            "locks: a slot's says under which epoch it is held",
            '"slot.lock", LOCK_SECONDS, token)',
            '"slot.lock", LOCK_SECONDS)',
            "test_a_slot_whose_writer_stands_still_is_taken_over",
        ),
    ),
)
