"""Guards of break-glass: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_SIGNED, _LOCAL = "scenarios/test_signed_approvals.py", "scenarios/test_local_journal.py"


def _guard(name: str, rule: int, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"break-glass: {name}", rule, file, old, new, (f"{test_file}::{test}",))


GLASS_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a signature is looked at when it is given",
        4,
        "engine/approve.py",
        "    if not is_proved(world.policy, view, given):\n",
        "    if False:\n",
        _SIGNED,
        "test_nobody_signs_for_another",
    ),
    _guard(
        "and again just before the effect",
        4,
        "engine/execute.py",
        "        rules.has_approval(shown, step)\n",
        "        rules.has_approval(view, step)\n",
        _SIGNED,
        "test_it_is_looked_at_again_just_before_the_effect",
    ),
    _guard(
        "what was signed is this very question",
        4,
        "engine/signatures.py",
        "{k: said.get(k) for k in wanted} == wanted and",
        "True and",
        _SIGNED,
        "test_a_signature_for_something_else_is_refused",
    ),
    _guard(
        "on a local journal only signatures approve",
        4,
        "engine/signatures.py",
        "(not a.envelope and not signed_only)",
        "not a.envelope",
        _LOCAL,
        "test_on_a_local_journal_only_signatures_approve",
    ),
    _guard(
        "a local journal takes two people",
        3,
        "engine/local_journal.py",
        "    if len(people) < SIGNERS:\n",
        "    if False:\n",
        _LOCAL,
        "test_it_takes_two_people",
    ),
    _guard(
        "its epochs are of a higher class",
        3,
        "engine/local_journal.py",
        "txn.raise_epoch(known.epoch + CLASS)",
        "txn.raise_epoch()",
        _LOCAL,
        "test_whoever_acts_under_the_cut_off_journal_is_refused_by_the_systems",
    ),
    _guard(
        "an edited one is not taken in",
        0,
        "engine/import_journal.py",
        "    if findings := local.verify(service):\n",
        "    if findings := []:\n",
        _LOCAL,
        "test_an_edited_one_is_not_taken_in",
    ),
    _guard(
        "nor one of another chain",
        0,
        "engine/import_journal.py",
        '    if hashes.get(int(head["seq"])) != head["hash"]:\n',
        "    if False:\n",
        _LOCAL,
        "test_one_of_another_chain_is_not_taken_in",
    ),
    _guard(
        "what holds the service here loses it",
        7,
        "engine/import_journal.py",
        "        superseded = _supersede(txn, new, actor, person, reason)\n",
        "        superseded = ()\n",
        _LOCAL,
        "test_what_the_own_journal_did_meanwhile_is_a_fork_and_loses_the_lease",
    ),
)
