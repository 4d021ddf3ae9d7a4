"""Guards of what a release is configured with and of its secrets: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_COMPUTE, _SECRETS = "contracts/test_compute.py", "scenarios/test_secrets.py"
_REDACTION, _AIRFLOW = "unit/test_redaction.py", "airflow/test_secrets.py"
_FILES = "unit/drivers/test_settings_files.py"
_UNTOLD = "test_an_error_that_quotes_a_secret_comes_out_without_it"
_PASSED_OVER = "test_a_vault_that_does_not_give_it_is_not_passed_over"


def _guard(name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"secrets: {name}", 0, file, old, new, (f"{test_file}::{test}",))


SECRET_GUARDS: tuple[Guard, ...] = (
    _guard(
        "no value for an actor that was superseded",
        "engine/unsealing.py",
        "epoch=self.token.epoch",
        "epoch=None",
        _SECRETS,
        "test_an_actor_that_was_superseded_gets_no_value",
    ),
    _guard(
        "a candidate's secrets are there before any effect",
        "steps/verify_release.py",
        "secrets = prove(world, release, tuple(world.shares))",
        'secrets = ""',
        _SECRETS,
        "test_a_secret_that_cannot_be_had_ends_a_promotion_before_any_effect",
    ),
    _guard(
        "a baseline's secrets are there before any effect",
        "steps/verify_target.py",
        "secrets = prove(world, found, regions_in_need(world, found))",
        'secrets = ""',
        _SECRETS,
        "test_a_baseline_whose_secret_is_gone_is_refused_before_any_effect",
    ),
    _guard(
        "N of N covers the secrets",
        "drivers/compute/contract.py",
        "self.digest == release.digest and self.secrets == release.secrets_digest",
        "self.digest == release.digest",
        _COMPUTE,
        "test_the_right_files_with_another_secret_are_not_n_of_n[memory]",
    ),
    _guard(
        "all of a release's secrets or no start",
        "drivers/compute/contract.py",
        "if {secret.which for secret in secrets} != set(release.secrets):",
        "if False:",
        _COMPUTE,
        "test_without_all_of_its_secrets_a_release_does_not_start[memory]",
    ),
    _guard(
        "sealed for the owner only",
        "drivers/compute/_slot.py",
        '"values": values}), mode=0o600)',
        '"values": values}), mode=0o644)',
        _COMPUTE,
        "test_a_secret_is_in_its_file_and_nowhere_else",
    ),
    _guard(
        "the signed settings are the files'",
        "drivers/artifacts/_manifest.py",
        "_settings_fault(manifest) or ",
        "",
        _FILES,
        "test_a_manifest_that_says_more_than_its_files_is_rejected",
    ),
    _guard(
        "one store, and no other",
        "workflow/vault.py",
        "found = _from_own_connections(which) if backend is None else _ask(backend, which)",
        "found = (_ask(backend, which) if backend else None) or _from_own_connections(which)",
        _AIRFLOW,
        f"{_PASSED_OVER}[remove-Refused]",
    ),
    _guard(
        "an error is no answer",
        "workflow/vault.py",
        "raise _translated(error, name, which) from None",
        "return _from_own_connections(which)",
        _AIRFLOW,
        f"{_PASSED_OVER}[deny-Rejected]",
    ),
    _guard(
        "our errors lose what was read",
        "errors.py",
        "self.message = redact(message)",
        "self.message = message",
        _REDACTION,
        "test_an_error_of_ours_comes_out_without_it",
    ),
    _guard(
        "rows lose what was read",
        "journal/transaction.py",
        "rows.json_text(scrub(body, _TEXTS), ",
        "rows.json_text(body, ",
        _REDACTION,
        "test_words_in_a_journal_row_lose_it_and_data_stays_as_it_is",
    ),
    _guard(
        "tasks lose what was read",
        "workflow/node.py",
        "with cleansed():",
        "if True:",
        _AIRFLOW,
        f"{_UNTOLD}[a-vendor-s]",
    ),
)
