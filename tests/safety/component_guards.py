"""Guards of components and mixes: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_MIX, _SHELF, _WAY = "unit/test_mix.py", "contracts/test_artifacts_mix.py", "scenarios/test_components.py"
_MADE_OF = "test_what_may_be_gone_back_to_is_made_of_certified_baselines_that_nobody_vetoed"


def _guard(rule: int, name: str, file: str, old: str, new: str, test_file: str, test: str, *dies_by: str) -> Guard:
    return Guard(f"components: {name}", rule, file, old, new, (f"{test_file}::{test}",), dies_by)


COMPONENT_GUARDS: tuple[Guard, ...] = (
    _guard(
        0,
        "both parents are verified whole",
        "drivers/artifacts/_shelf.py",
        "return Whole(manifest, self._files(manifest), {})",
        "return Whole(manifest, dict.fromkeys(manifest.files, b''), {})",
        _SHELF,
        "test_a_parent_that_was_tampered_with_is_refused[memory-1.0.0]",
    ),
    _guard(
        8,
        "a veto on a part is one on the mix, in the index",
        "drivers/artifacts/_shelf.py",
        "if bad := vetoed_part(made.release, self.index().vetoed):",
        'if bad := "":',
        _SHELF,
        "test_a_veto_on_a_part_is_one_on_the_mix[memory-1.0.0]",
    ),
    _guard(
        0,
        "two components share no file",
        "drivers/artifacts/_components.py",
        "if (other := taken.setdefault(path, name)) != name:",
        "if (other := taken.setdefault(path, name)) is None:",
        _SHELF,
        "test_components_that_will_not_do[memory-components1-two components, 'a' and 'b']",
    ),
    _guard(
        8,
        "each parent of a target is a certified baseline",
        "engine/mixing.py",
        "if gone := uncertified(mix, (b.release for b in facts.baselines)):",
        "if gone := tuple[str, ...]():",
        _WAY,
        _MADE_OF,
    ),
    _guard(
        8,
        "no parent of a target is vetoed",
        "engine/mixing.py",
        "if bad := vetoed_part(mix, facts.vetoed):",
        'if bad := "":',
        _WAY,
        _MADE_OF,
    ),
    _guard(
        8,
        "a veto on a part, before each step",
        "engine/brakes.py",
        "return (digest, *parents.values()) if digest else ()",
        "return (digest,) if digest else ()",
        _WAY,
        "test_a_part_that_is_vetoed_once_the_rollback_is_open_brings_nothing_to_users",
    ),
    _guard(
        8,
        "of a mix all parents are asked",
        "model/mix.py",
        "parents = release.parents or {release.version: release.digest}",
        "parents = dict(list(release.parents.items())[1:]) or {release.version: release.digest}",
        _MIX,
        "test_a_mix_may_be_gone_back_to_if_all_that_it_is_made_of_may",
    ),
    _guard(
        0,
        "one component alone is guilty",
        "model/guilt.py",
        "if len(found) > 1:",
        "if False:",
        "unit/test_guilt.py",
        "test_else_nobody_is",
        "ValueError",
    ),
)
