"""Guards of a failover that serves as many as it can: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_HERE = "scenarios/test_admission.py"
_OFF = "if False:"


def _guard(rule: int, name: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(f"admission: {name}", rule, file, old, new, (f"{_HERE}::{test}",))


ADMISSION_GUARDS: tuple[Guard, ...] = (
    _guard(
        2,
        "no more are admitted at once than the target carries",
        "steps/admit_region.py",
        'admitting(found.sessions if found else int(args["unknown"]), int(args["retry_after"]))',
        "EVERYBODY",
        "test_as_many_are_served_at_once_as_the_target_carries",
    ),
    _guard(
        2,
        "no stage without room",
        "engine/assess_admission.py",
        "enough = found.sessions >= part",
        "enough = True",
        "test_no_more_are_admitted_than_there_is_room_for",
    ),
    _guard(
        5,
        "what is counted is of after the last step",
        "engine/assess_admission.py",
        "if now - since < COUNTED_AFTER:",
        _OFF,
        "test_what_is_counted_is_of_after_the_last_step",
    ),
    _guard(
        5,
        "nobody admits everybody blind",
        "plan/admission.py",
        "blind = patience(size != TOTAL)",
        "blind = patience(True)",
        "test_nobody_admits_everybody_blind",
    ),
    Guard(
        "blind, a failover goes on",
        5,
        "plan/failover.py",
        '"Move the rest of the traffic", lost=True)',
        '"Move the rest of the traffic")',
        ("scenarios/test_failover.py::test_blind_it_goes_on_by_its_steps_and_says_so",),
    ),
    Guard(
        "blind, a switchover holds",
        5,
        "plan/moving.py",
        'return {"blind_after": LOOK_BLIND} if lost else {}',
        'return {"blind_after": LOOK_BLIND}',
        ("scenarios/test_failover.py::test_a_switchover_never_goes_on_blind",),
    ),
    _guard(
        5,
        "blind, half of a step",
        "steps/raise_admission.py",
        "(admitted + part) // 2 if found is None",
        "part if found is None",
        "test_blind_it_goes_on_in_smaller_steps_and_says_so",
    ),
    _guard(
        3,
        "a foreign hand on the router",
        "steps/raise_admission.py",
        "if state.split != world.known.left_split:",
        _OFF,
        "test_a_foreign_hand_on_the_router_is_not_overwritten",
    ),
    _guard(
        0,
        "how a flag stood is on record when a killed step looks again",
        "steps/degrade_features.py",
        "return fact.now if fact else state.flags.get(key, NEVER_SET)",
        "return state.flags.get(key, NEVER_SET)",
        "test_killed_at_either_side_of_an_effect_it_ends_the_same[after_effect-cutover.degrade]",
    ),
    Guard(
        "admission: a shift leaves it as it is",
        2,
        "drivers/traffic/memory.py",
        "RouteState(token.epoch, desired, self._written.admission if admission is None else admission)",
        "RouteState(token.epoch, desired, admission or EVERYBODY)",
        ("contracts/test_traffic_admission.py::test_a_shift_leaves_the_admission_as_it_is[memory]",),
    ),
)
