"""Guards of the preview arm: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_CONTRACT, _SCENARIOS = "contracts/test_traffic_preview.py", "scenarios/test_preview_arm.py"
_OFF = "if False:"


def _guard(name: str, file: str, old: str, new: str, test_file: str, test: str, rule: int = 0) -> Guard:
    return Guard(f"preview: {name}", rule, file, old, new, (f"{test_file}::{test}",))


PREVIEW_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a split that is written keeps it",
        "drivers/traffic/envoy.py",
        "self._replace(changed(standing, routed=wanted), token, {})",
        "self._replace(changed(standing, routed=wanted, preview=PreviewState(token.epoch, None)), token, {})",
        _CONTRACT,
        "test_a_split_that_is_written_later_keeps_the_preview[envoy]",
    ),
    _guard(
        "an older opening is refused at the router",
        "drivers/traffic/envoy.py",
        "if now.epoch > token.epoch:",
        _OFF,
        _CONTRACT,
        "test_who_opened_it_late_is_refused_after_the_withdrawal[envoy]",
        3,
    ),
    _guard(
        "an opening on its way is fenced by the withdrawal",
        "engine/view.py",
        '_DOUBTFUL = GROWING | {"shift_region", "route_preview"}',
        '_DOUBTFUL = GROWING | {"shift_region"}',
        _SCENARIOS,
        "test_what_opens_it_late_is_refused_after_it_was_turned_back",
        3,
    ),
    _guard(
        "nobody is led to what answers nothing",
        "drivers/traffic/_rules.py",
        "if route is not None and route.arm not in healthy:",
        _OFF,
        _CONTRACT,
        "test_nobody_is_told_of_a_preview_that_answers_nothing[memory]",
        2,
    ),
    _guard(
        "it has no share of the traffic",
        "model/traffic.py",
        "if any(arm.slot is Slot.PREVIEW for arm in arms):",
        _OFF,
        _CONTRACT,
        "test_no_split_can_give_a_preview_a_weight",
    ),
    _guard(
        "its requests are counted in no arm",
        "drivers/metrics/_envoy_line.py",
        'if _text(record["route"]).startswith(f"{PREVIEW};"):',
        _OFF,
        _CONTRACT,
        "test_what_asked_for_a_preview_is_counted_in_no_arm",
    ),
    _guard(
        "a vetoed release is not admitted",
        "steps/admit_preview.py",
        "if release.digest in world.known.vetoed:",
        _OFF,
        _SCENARIOS,
        "test_a_vetoed_release_is_not_shown",
    ),
    _guard(
        "vetoes are read from the service's own chain",
        "engine/execute.py",
        "fold_brakes(world.facts(txn, BRAKE_KINDS))",
        "fold_brakes(txn.events(kinds=BRAKE_KINDS))",
        _SCENARIOS,
        "test_a_veto_between_two_steps_keeps_it_from_being_shown",
    ),
    _guard(
        "it changes no schema",
        "steps/admit_preview.py",
        "if release.schema_revision != stable.schema_revision:",
        _OFF,
        _SCENARIOS,
        "test_a_release_with_a_schema_of_its_own_is_refused",
    ),
    _guard(
        "nothing is stopped while a header leads to it",
        "steps/preview_route.py",
        "if route is not None and route.arm == arm:",
        _OFF,
        _SCENARIOS,
        "test_nothing_is_stopped_while_a_header_leads_to_it",
        2,
    ),
    _guard(
        "a second preview is refused",
        "engine/preview_arm.py",
        "if seen is not None and (seen.version, seen.region, seen.header) != wanted:",
        _OFF,
        _SCENARIOS,
        "test_the_same_request_is_the_same_operation_and_another_preview_is_refused",
    ),
    _guard(
        "a new instance is waited for",
        "drivers/traffic/envoy.py",
        "while not (healthy := self._healthy((arm,))) and time.monotonic() < deadline:",
        "while not (healthy := self._healthy((arm,))) and False:",
        _CONTRACT,
        "test_an_instance_that_the_router_has_not_seen_yet_is_waited_for",
    ),
)
