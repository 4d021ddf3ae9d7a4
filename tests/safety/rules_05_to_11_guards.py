"""Guards of rules 5 to 11, from blindness to overrides: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_AWAY = "if False:"
_R5 = "safety/test_rule_05_blind_means_hold.py"
_R6 = "safety/test_rule_06_nothing_from_the_failed_region.py"
_R7 = "safety/test_rule_07_one_operation_per_service.py"
_R8 = "safety/test_rule_08_only_baselines_are_targets.py"
_R9 = "safety/test_rule_09_destructive_steps_prove_the_role.py"
_R11 = "safety/test_rule_11_overrides_are_journalled_first.py"
_TRAFFIC, _COMPUTE = "contracts/test_traffic.py", "contracts/test_compute.py"

RULES_05_TO_11: tuple[Guard, ...] = (
    # 5. Blind means hold.
    *of(
        5,
        _R5,
        "engine/rules.py",
        (
            "no weight without a guard",
            "if beat_expires_at is None or beat_expires_at < now:",
            _AWAY,
            "test_no_weight_grows_without_a_live_guard",
        ),
    ),
    *of(
        5,
        _R5,
        "engine/assess.py",
        ("a beat runs out", "if expires < now:", _AWAY, "test_a_guard_that_is_gone_opens_no_gate"),
    ),
    *of(
        5,
        _R5,
        "engine/gates.py",
        (
            "could not look is no pass",
            'return Evidence(Verdict.NO_DATA, f"could not look: {error}", None)',
            'return Evidence(Verdict.PASS, f"could not look: {error}", None)',
            "test_a_gate_that_cannot_look_does_not_open",
        ),
        (
            "a time-out is no pass",
            "if evidence.verdict is Verdict.FAIL or timed_out:",
            "if evidence.verdict is Verdict.FAIL:",
            "test_a_gate_that_waited_too_long_fails",
        ),
    ),
    *of(
        5,
        _R5,
        "judge/gate.py",
        ("old evidence is none", "if not now - at <= stale_after:", _AWAY, "test_old_evidence_opens_no_gate"),
    ),
    *of(
        5,
        "unit/judge/test_gate.py",
        "judge/gate.py",
        ("evidence of the future is none", "if not at <= now + SKEW:", _AWAY, "test_no_malformed_evidence_passes"),
        ("a silent arm is no data", "if silent > allowed:", _AWAY, "test_an_arm_that_fell_silent_is_no_data"),
    ),
    Guard(
        "a crossed signal stops the loss",
        5,
        "guard/watch.py",
        "if verdict is Verdict.FAIL and view.state is OperationState.RUNNING:",
        _AWAY,
        ("scenarios/test_promotion.py::test_the_loss_is_stopped_before_any_other_node_runs",),
        ("StopIteration",),
    ),
    # 6. Nothing from the failed region.
    Guard(
        "a dead arm that keeps its weight is no reason",
        6,
        "drivers/traffic/_rules.py",
        "if weight > (current[arm] if current else 0))",
        "if weight)",
        (f"{_TRAFFIC}::test_a_dead_arm_elsewhere_does_not_stop_a_stop_loss[memory]",),
    ),
    *of(
        6,
        _R6,
        "cli/service.py",
        (
            "break-glass without Airflow",
            "import difflib\n",
            "import difflib\nimport airflow\n",
            "test_break_glass_imports_no_airflow",
        ),
    ),
    # 7. One operation per service.
    *of(
        7,
        _R7,
        "engine/precedence.py",
        (
            "the service is free",
            "if lease is None or lease.operation == wanted:",
            "if True:",
            "test_a_second_operation_is_refused",
        ),
    ),
    *of(
        7,
        _R7,
        "engine/takeover.py",
        (
            "break-glass takes its own operation only",
            "if lease is not None and lease.operation != operation:",
            _AWAY,
            "test_nobody_takes_over_another_operations_service",
        ),
    ),
    # 8. Only certified baselines.
    *of(
        8,
        _R8,
        "engine/open.py",
        (
            "a rollback goes to a baseline",
            '    if target is None:\n        raise Refused(f"{version}',
            '    if False:\n        raise Refused(f"{version}',
            "test_a_request_for_another_release_opens_nothing",
            "AttributeError",
        ),
        (
            "there is something to go back to",
            "if facts.stable is None or facts.stable_slot is None:",
            _AWAY,
            "test_without_a_baseline_to_go_back_to_nothing_begins",
            "AttributeError",
            "TypeError",
        ),
    ),
    *of(
        8,
        _R8,
        "steps/verify_target.py",
        (
            "the target is certified",
            "if gone := uncertified(target, world.known.baselines):",
            "if gone := ():",
            "test_what_was_never_certified_is_no_target",
        ),
        (
            "the target is not vetoed",
            "if bad := vetoed_part(target, world.known.vetoed | world.estate.artifacts.index().vetoed):",
            'if bad := "":',
            "test_a_vetoed_baseline_is_no_target",
        ),
    ),
    *of(
        8,
        _R8,
        "steps/certify_baseline.py",
        (
            "all traffic is on it",
            "if split != world.split(dict.fromkeys(world.shares, TOTAL)):",
            _AWAY,
            "test_what_does_not_serve_everywhere_is_not_certified",
        ),
        (
            "all instances run it",
            "if not world.estate.compute.settled(arm, desired):",
            _AWAY,
            "test_what_does_not_serve_everywhere_is_not_certified",
        ),
    ),
    *of(
        8,
        _R8,
        "engine/facts.py",
        (
            "baselines are kept",
            "baselines=(*others, Baseline(",
            "baselines=(*others[-2:], Baseline(",
            "test_the_oldest_of_four_baselines_can_be_gone_back_to",
        ),
    ),
    *of(
        8,
        _R8,
        "engine/turn.py",
        (
            "a certified release is not turned back",
            "if view.committed:\n            raise Refused(",
            "if False:\n            raise Refused(",
            "test_a_certified_release_is_not_turned_back",
        ),
    ),
    # 9. Destructive steps.
    *of(
        9,
        _R9,
        "steps/deploy_release.py",
        ("no slot that serves is replaced", "if foreign and weight:", _AWAY, "test_a_slot_that_serves_is_not_replaced"),
    ),
    *of(
        9,
        _R9,
        "steps/withdraw_release.py",
        (
            "no slot that serves is emptied",
            "if split is None or split[arm]:",
            _AWAY,
            "test_a_slot_that_serves_is_not_emptied",
        ),
    ),
    *of(
        9,
        _R9,
        "engine/execute.py",
        (
            "nobody else's change is written over",
            "if look.standing is Standing.FOREIGN_CHANGE:",
            _AWAY,
            "test_what_somebody_else_has_changed_is_not_written_over",
        ),
    ),
    # 11. Overrides.
    *of(
        11,
        _R11,
        "engine/takeover.py",
        (
            "break-glass gives its reason",
            '"why": reason, "from": lease.holder',
            '"why": "", "from": lease.holder',
            "test_taking_over_is_written_before_it_acts",
        ),
    ),
    *of(
        11,
        _R11,
        "model/binding.py",
        (
            "the fast lane is on record",
            '"fast_lane": self.fast_lane',
            '"fast_lane": False',
            "test_the_fast_lane_is_written_before_it_acts",
        ),
    ),
)
