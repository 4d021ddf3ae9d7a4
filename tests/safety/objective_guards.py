"""Guards of RTO, RPO and the measured loss: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_WRITTEN, _TIMES, _SCENARIO = "unit/test_written.py", "unit/test_recovery.py", "scenarios/test_objectives.py"


def _guard(name: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(f"objectives: {name}", 5, file, old, new, (test,))


OBJECTIVE_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a loss is never shown smaller than it may be",
        "model/written.py",
        "if position <= received]",
        "if True]",
        f"{_WRITTEN}::test_bytes_at_least_and_seconds_at_most",
    ),
    _guard(
        "another primary's log is not compared with",
        "model/written.py",
        "before = self.looks if region == self.region and",
        "before = self.looks if True or",
        f"{_WRITTEN}::test_another_primary_or_another_history_begins_anew",
    ),
    _guard(
        "what is on record counts only of a primary that is fenced",
        "engine/recovery_times.py",
        '(fenced.get("fenced") and (measured',
        "(True and (measured",
        f"{_TIMES}::test_what_may_be_lost",
    ),
    _guard(
        "nothing is back before a write has proved it",
        "model/recovery.py",
        "return self.gone if self.proved else None",
        "return self.gone",
        f"{_TIMES}::test_it_is_not_back_before_a_write_has_proved_it",
    ),
    _guard(
        "that the RTO is over is said once",
        "engine/objectives.py",
        'if any(e.body.get("what") == RTO_MISSED for',
        'if any(e.body.get("what") == "" for',
        f"{_SCENARIO}::test_that_the_rto_is_over_is_said_once_while_users_are_without_it",
    ),
)
