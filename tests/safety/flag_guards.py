"""Guards of flags: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_CONTRACT, _SCENARIOS, _JUDGE = "contracts/test_flags.py", "scenarios/test_flags.py", "unit/guard/test_exposure.py"
_AWAY = "if False:"


def _guard(name: str, file: str, old: str, new: str, test_file: str, test: str, rule: int = 0) -> Guard:
    return Guard(f"flags: {name}", rule, file, old, new, (f"{test_file}::{test}",))


FLAG_GUARDS: tuple[Guard, ...] = (
    _guard(
        "an older epoch is refused",
        "drivers/flags/flagd.py",
        "if (held := self._fence()) > token.epoch:",
        "if (held := self._fence()) > token.epoch + 99:",
        _CONTRACT,
        "test_an_older_epoch_is_refused[flagd]",
        3,
    ),
    _guard(
        "a file that was taken away fences all the same",
        "drivers/flags/flagd.py",
        "return max(found, self._good().epoch)",
        "return found",
        _CONTRACT,
        "test_a_source_that_was_taken_away_fences_all_the_same[flagd]",
        3,
    ),
    _guard(
        "every write has a later time",
        "drivers/flags/flagd.py",
        "< old + _TICK:",
        "< 0:",
        _CONTRACT,
        "test_every_write_has_a_later_time",
    ),
    _guard(
        "other people's flags are not written",
        "drivers/flags/_rules.py",
        "if key in state.foreign:",
        _AWAY,
        _CONTRACT,
        "test_a_flag_of_somebody_else_is_not_touched[memory]",
    ),
    _guard(
        "a retired key is not written",
        "drivers/flags/_rules.py",
        "if key in state.retired:",
        _AWAY,
        _CONTRACT,
        "test_a_retired_key_is_never_used_again[memory]",
    ),
    Guard(
        "flags: a document without flags is broken",
        0,
        "drivers/flags/_document.py",
        'if not isinstance(value, dict) or not isinstance(value.get("flags"), dict):',
        _AWAY,
        (f"{_CONTRACT}::test_a_broken_file_is_told_and_kept_aside[{{}}]",),
        ("KeyError",),
    ),
    _guard(
        "a retired key is not admitted",
        "steps/admit_flags.py",
        "if gone := sorted(retired & set(release.flags)):",
        "if gone := sorted(frozenset[str]()):",
        _SCENARIOS,
        "test_a_retired_key_is_refused_in_every_release",
    ),
    _guard(
        "a default is what is known to be good",
        "steps/admit_flags.py",
        "if default != good:",
        _AWAY,
        _SCENARIOS,
        "test_what_was_shown_to_everybody_must_be_on_in_the_next_release",
    ),
    _guard(
        "a foreign hand turns it back",
        "steps/flag_exposure.py",
        "if strange := sorted(wanted.keys() & (state.foreign | state.edited | state.retired)):",
        "if strange := sorted(frozenset[str]()):",
        _SCENARIOS,
        "test_a_foreign_hand_before_the_first_exposure_turns_it_back",
    ),
    _guard(
        "only the guilty flag goes back",
        "steps/withdraw_flags.py",
        "return (guilty or before) if world.known.exposing else {}",
        "return before if world.known.exposing else {}",
        _SCENARIOS,
        "test_of_several_flags_only_the_guilty_one_goes_back",
    ),
    _guard(
        "who sees it is judged by its flag",
        "guard/exposure.py",
        "if not any(flag.on and flag.key in mine for flag in o.flags)",
        "if True",
        _JUDGE,
        "test_who_was_shown_a_flag_is_left_to_its_judge",
    ),
    _guard(
        "what the serving release asks for is not retired",
        "engine/retire_flag.py",
        "if facts.stable is not None and key in facts.stable.flags:",
        _AWAY,
        _SCENARIOS,
        "test_what_the_serving_release_asks_for_is_not_retired",
    ),
    _guard(
        "a retired key is refused where the release is built",
        "cli/release_lint.py",
        "refuse_unfit_flags(manifest.release(), facts.flags, facts.retired_flags)",
        "pass",
        "unit/publishing/test_release_lint.py",
        "test_a_retired_key_is_refused_with_what_to_do",
    ),
)
