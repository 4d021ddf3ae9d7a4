"""Guards of what the rules stand on, the journal, the policy, the releases: part of ``GUARDS``."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_AWAY = "if False:"
_JOURNAL, _ARTIFACTS = "contracts/test_journal.py", "contracts/test_artifacts.py"

GROUND_GUARDS: tuple[Guard, ...] = (
    # What the rules stand on: the journal, the policy, the releases.
    Guard(
        "the chain is append-only",
        0,
        "journal/migrations/versions/rev_0001_first.py",
        'for verb in ("UPDATE", "DELETE")',
        "for verb in ()",
        (f"{_JOURNAL}::test_chain_is_append_only_for_whoever_makes_a_mistake[sqlite]",),
    ),
    *of(
        0,
        "unit/journal/test_chain.py",
        "journal/chain.py",
        (
            "epochs do not go back",
            "and row.epoch >= epoch",
            "",
            "test_epoch_that_goes_back_is_found_though_the_hashes_are_right",
        ),
        (
            "no row is left out",
            "row.seq == seq + 1 and ",
            "",
            "test_number_left_out_is_found_though_the_hashes_are_right",
        ),
    ),
    Guard(
        "every row hashes to what it says",
        0,
        "journal/chain.py",
        "if not (in_place and row.hash == good and",
        "if not (in_place and",
        ("scenarios/test_journal_tampering.py::test_chain_names_the_first_bad_row",),
    ),
    Guard(
        "the journal is not Airflow's database",
        0,
        "journal/settings.py",
        "if airflow and _place(parse(url)) == _airflow_place(airflow):",
        _AWAY,
        ("unit/journal/test_settings.py::test_database_of_airflow_is_refused",),
    ),
    Guard(
        "no key stands twice",
        0,
        "policy/tree.py",
        "if key in items:",
        _AWAY,
        ("unit/policy/test_hostile.py::test_refused_with_reason_and_place",),
    ),
    Guard(
        "no number that readers disagree on",
        0,
        "policy/tree.py",
        "elif len(text) <= 64 and _ODD_NUMBER.fullmatch(text):",
        "elif False:",
        ("unit/policy/test_tree.py::test_refused",),
    ),
    *of(
        0,
        "unit/steps/test_verify_release.py",
        "steps/verify_release.py",
        ("the index is asked", "if fault := index.shuts_out(release):", "if fault := None:", "test_too_old"),
    ),
    *of(
        0,
        "unit/steps/test_verify_release.py",
        "drivers/artifacts/contract.py",
        ("no vetoed release", "if release.digest in self.vetoed:", _AWAY, "test_vetoed"),
        ("no release that is too old", "if release.sequence < self.oldest_sequence:", _AWAY, "test_too_old"),
    ),
    *of(
        0,
        _ARTIFACTS,
        "drivers/artifacts/_signatures.py",
        ("m signatures", "if len(valid) < trust.threshold:", _AWAY, "test_one_signature_is_not_two[directory]"),
        (
            "one key is one",
            'valid.add(json.dumps(trust.keys[keyid]["keyval"], sort_keys=True))',
            'valid.add(f"{keyid} {len(valid)}")',
            "test_a_key_that_signs_twice_counts_once[directory]",
        ),
        (
            "an index is no release",
            "if found_type != payload_type:",
            _AWAY,
            "test_an_index_is_no_release_and_a_release_no_index[directory]",
        ),
    ),
    *of(
        0,
        _ARTIFACTS,
        "drivers/artifacts/_shelf.py",
        (
            "a version is published once",
            "if manifest.digest != release.digest:",
            _AWAY,
            "test_fetch_refuses_a_version_published_anew[directory]",
        ),
        (
            "files are as signed",
            "if difference := first_difference(hashes(files), manifest.files):",
            _AWAY,
            "test_files_that_are_not_as_listed_are_named",
        ),
    ),
)
