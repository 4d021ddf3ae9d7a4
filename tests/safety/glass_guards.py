"""Guards of break-glass: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_SIGNED = "scenarios/test_signed_approvals.py"


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
)
