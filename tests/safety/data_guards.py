"""Guards of data checks and repairs: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_REPAIR, _KINDS = "contracts/test_database_repair.py", "contracts/test_checks_kinds.py"
_SCENARIO, _POLICY = "scenarios/test_repair.py", "unit/policy/test_data.py"


def _guard(name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"data: {name}", 0, file, old, new, (f"{test_file}::{test}",))


DATA_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a stale actor repairs nothing",
        "drivers/database/_ledger.py",
        "if epoch > token.epoch:",
        "if False:",
        _REPAIR,
        "test_a_stale_actor_is_refused_by_the_database_itself",
    ),
    _guard(
        "a compensation is made once",
        "drivers/database/_repair.py",
        "if not begun.done:",
        "if True:",
        _REPAIR,
        "test_a_compensation_is_made_once",
    ),
    _guard(
        "a rebuild waits for who was writing when it began",
        "drivers/database/_replay.py",
        "elif ended and not left:",
        "elif not left:",
        _REPAIR,
        "test_what_a_transaction_from_before_writes_wrong_is_mended_too",
    ),
    _guard(
        "rows that no event explains are kept",
        "drivers/database/_replay.py",
        'if kind == "extra" and self.projection.extra == "keep":',
        "if False:",
        _REPAIR,
        "test_rows_that_no_event_explains_are_kept_unless_the_policy_says_otherwise",
    ),
    _guard(
        "no row is added twice",
        "drivers/database/_replay.py",
        "if row is None or not row[1]:",
        "if row is None:",
        _REPAIR,
        "test_a_rule_or_table_that_does_not_fit_is_refused",
    ),
    _guard(
        "personal keys are masked",
        "model/masking.py",
        "masked(value) if column in personal else cut(value)",
        "cut(value)",
        _KINDS,
        "test_the_keys_of_a_projection_are_capped_and_a_personal_key_is_masked",
    ),
    _guard(
        "a standby is compared at the same position",
        "checks/standby.py",
        "        if there:",
        "        if True:",
        _KINDS,
        "test_a_standby_that_lags_is_not_checked",
    ),
    _guard(
        "what a repair would change is journalled before",
        "plan/return_path.py",
        'yield Step("return.preview", "preview_repair", {"repairs": repairs}, effect=False)',
        "pass",
        _SCENARIO,
        "test_the_difference_is_in_the_journal_before_anything_is_changed",
    ),
    _guard(
        "the data is looked at behind every wave",
        "plan/promotion.py",
        "    yield _data(policy, stage)\n",
        "",
        _SCENARIO,
        "test_it_is_found_after_the_first_wave_and_the_ladder_ends_at_the_rung_that_repairs",
    ),
    _guard(
        "a warning is no pass where nothing could be looked at",
        "checks/model.py",
        "if looked and statuses",
        "if statuses",
        _POLICY,
        "test_a_warning_neither_stops_nor_lets_through",
    ),
)
