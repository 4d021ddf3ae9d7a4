"""Guards of the schema: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_REAL, _MOVE = "contracts/test_migrations.py", "drivers/migrations/_one_move.py"
_CONTRACT, _RELEASE = "scenarios/test_contract.py", "scenarios/test_migrations.py"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"schema: {name}", rule, file, old, new, (f"{test_file}::{test}",))


MIGRATION_GUARDS: tuple[Guard, ...] = (
    _guard(
        3,
        "the database itself refuses a stale epoch",
        _MOVE,
        "    if token.epoch < held:",
        "    if False:",
        _REAL,
        "test_a_stale_epoch_is_refused_by_the_database_itself",
    ),
    _guard(
        9,
        "nothing is migrated on a standby",
        _MOVE,
        'if connection.exec_driver_sql("select pg_is_in_recovery()").scalar():',
        "if False:",
        _REAL,
        "test_nothing_is_migrated_on_a_standby_even_if_it_is_the_only_one_that_was_named",
    ),
    _guard(
        8,
        "no rollback goes behind a completed contract",
        "engine/open.py",
        "    if contract := facts.closed.get(target.digest):",
        "    if contract := None:",
        _CONTRACT,
        "test_a_rollback_behind_it_is_refused_with_what_can_be_done_instead",
    ),
    _guard(
        0,
        "a migration that cannot be undone is refused before any effect",
        "steps/prove_migrations.py",
        'if wrong and args["irreversible"] == "refuse":',
        "if False:",
        _RELEASE,
        "test_a_migration_that_cannot_be_undone_is_found_before_any_effect",
    ),
    _guard(
        0,
        "an expand runs nobody's pending contract",
        "steps/schema_range.py",
        "    refuse_contracts(revisions, release, world.known.baselines)",
        "",
        _RELEASE,
        "test_an_expand_that_would_run_somebodys_pending_contract_is_refused",
    ),
    _guard(
        0,
        "behind the point of no return a contract gives no way",
        "engine/precedence.py",
        "if view is not None and past_the_point(view):",
        "if False:",
        _CONTRACT,
        "test_behind_the_point_of_no_return_it_gives_no_way_and_is_not_aborted",
    ),
)
