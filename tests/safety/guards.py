"""Every guard that ``make mutants`` takes out, and the tests that must then go red.

``old`` is found exactly once in the file, or the run ends with an error: the guard moved, and this table follows it.
"""

from __future__ import annotations

from tests.safety.brake_guards import BRAKE_GUARDS
from tests.safety.data_guards import DATA_GUARDS
from tests.safety.database_guards import DATABASE_GUARDS
from tests.safety.flag_guards import FLAG_GUARDS
from tests.safety.guard import Guard
from tests.safety.guards_ladder import LADDER_GUARDS
from tests.safety.guards_migrations import MIGRATION_GUARDS
from tests.safety.guards_signals import SIGNAL_GUARDS
from tests.safety.moving_guards import MOVING_GUARDS
from tests.safety.secret_guards import SECRET_GUARDS

_AWAY = "if False:"


def _of(
    rule: int, test_file: str, file: str, *rows: tuple[str, str, str, str] | tuple[str, str, str, str, str]
) -> tuple[Guard, ...]:
    """Guards of one file that one file of tests holds. A row: name, old, new, test, and an error that it may die by."""
    return tuple(Guard(r[0], rule, file, r[1], r[2], (f"{test_file}::{r[3]}",), tuple(r[4:])) for r in rows)


_R2 = "safety/test_rule_02_never_route_to_nothing.py"
_R3 = "safety/test_rule_03_a_stale_actor_is_refused.py"
_R4 = "safety/test_rule_04_approvals_are_journal_records.py"
_R5 = "safety/test_rule_05_blind_means_hold.py"
_R6 = "safety/test_rule_06_nothing_from_the_failed_region.py"
_R7 = "safety/test_rule_07_one_operation_per_service.py"
_R8 = "safety/test_rule_08_only_baselines_are_targets.py"
_R9 = "safety/test_rule_09_destructive_steps_prove_the_role.py"
_R11 = "safety/test_rule_11_overrides_are_journalled_first.py"
_TRAFFIC, _COMPUTE = "contracts/test_traffic.py", "contracts/test_compute.py"
_JOURNAL, _ARTIFACTS = "contracts/test_journal.py", "contracts/test_artifacts.py"

_ROLES, _FORBIDDEN = "scenarios/test_who_may_act.py", "test_whoever_may_not_changes_nothing"
_ADOPTION, _EVIDENCE = "scenarios/test_adoption.py", "scenarios/test_approval_evidence.py"
_EXPORT = "scenarios/test_audit_export.py"
_LOCKED = "    with world.journal.locked(world.service) as txn:\n"
_CONTROL, _FREE = f"    permit(world.policy, person, Action.CONTROL)\n{_LOCKED}", _LOCKED

_HELD = "        view = _open(txn, operation, order)\n        if view.held is not None:\n"
_ROW = "test_a_row_that_does_not_count_opens_nothing"
_YES = "test_only_a_yes_that_counts_is_written_down"
_STALE = "test_a_smaller_epoch_is_refused_and_changes_nothing"

GUARDS: tuple[Guard, ...] = (
    # 1. One writable database.
    *_of(
        1,
        "safety/test_rule_01_one_writable_database.py",
        "policy/rules.py",
        ("one primary", "if len(primaries) != 1:", _AWAY, "test_a_policy_names_exactly_one_primary"),
    ),
    # 2. Never route to nothing.
    *_of(
        2,
        _TRAFFIC,
        "drivers/traffic/_rules.py",
        ("no rise to a dead arm", "if dead:", _AWAY, "test_never_more_to_an_arm_without_a_healthy_target[memory]"),
        (
            "one arm must be alive",
            "if not any(weight and arm in healthy for arm, weight in desired.weights):",
            _AWAY,
            "test_never_to_nothing_at_all[memory]",
        ),
    ),
    Guard(
        "Envoy's driver asks for healthy targets",
        2,
        "drivers/traffic/envoy.py",
        "refuse_dead_arms(desired, current.split, healthy)",
        "pass",
        (f"{_TRAFFIC}::test_never_more_to_an_arm_without_a_healthy_target[envoy]",),
    ),
    *_of(
        2,
        _R2,
        "model/traffic.py",
        ("weights sum", "if total != TOTAL:", _AWAY, "test_weights_sum_to_all_of_the_traffic"),
        ("no negative weight", "if any(weight < 0", "if any(False", "test_weights_sum_to_all_of_the_traffic"),
        ("no arm twice", "if len(set(arms)) != len(arms):", _AWAY, "test_weights_sum_to_all_of_the_traffic"),
    ),
    *_of(
        2,
        _R2,
        "policy/rules.py",
        (
            "shares sum",
            'if total != TOTAL:\n        yield Problem(f"the regions',
            'if False:\n        yield Problem(f"the regions',
            "test_shares_sum_to_all_of_the_traffic",
        ),
    ),
    # 3. A stale actor is refused.
    Guard(
        "the journal's epoch",
        3,
        "journal/transaction.py",
        "if epoch is not None and epoch != self.head.epoch:",
        _AWAY,
        (f"{_JOURNAL}::test_older_epoch_is_refused[sqlite]",),
    ),
    Guard(
        "epoch and lease are chained",
        3,
        "journal/transaction.py",
        "if self._recorded != (self.head.epoch, lease_text(self.head.lease)):",
        _AWAY,
        (f"{_JOURNAL}::test_epoch_or_lease_without_an_event_is_refused[sqlite]",),
    ),
    Guard(
        "Envoy's epoch",
        3,
        "drivers/traffic/envoy.py",
        'if current.epoch > token.epoch:\n            raise LeaseLost(f"the routes are',
        'if False:\n            raise LeaseLost(f"the routes are',
        (f"{_TRAFFIC}::{_STALE}[envoy]",),
    ),
    Guard(
        "Envoy's epoch without its file",
        3,
        "drivers/traffic/envoy.py",
        "if written else self.observe()",
        "if written else RouteState(0, None)",
        (f"{_TRAFFIC}::test_a_deleted_route_file_fences_all_the_same",),
    ),
    Guard(
        "the supervisor slot's epoch",
        3,
        "drivers/compute/supervisor.py",
        'refuse_stale(f"slot {arm}", slot.order().epoch, token.epoch, token.operation)',
        "pass",
        (f"{_COMPUTE}::{_STALE}[supervisor]",),
    ),
    Guard(
        "the memory drivers' epoch",
        3,
        "drivers/_world.py",
        "if epoch < held:",
        _AWAY,
        (f"{_TRAFFIC}::{_STALE}[memory]",),
    ),
    *_of(
        3,
        _R3,
        "engine/execute.py",
        (
            "the lease is held",
            "if lease is None or lease.operation != view.id:",
            _AWAY,
            "test_whoever_lost_the_lease_begins_nothing",
        ),
        (
            "the last look before an effect",
            "if epoch != token.epoch:",
            _AWAY,
            "test_whoever_was_superseded_stops_before_the_effect",
        ),
    ),
    *_of(
        3,
        _R3,
        "engine/rules.py",
        ("closed is closed", "if view.state is OperationState.CLOSED:", _AWAY, "test_a_closed_operation_runs_nothing"),
        (
            "no way forward on the way back",
            "if view.state is OperationState.STOPPING and stage.phase is Phase.FORWARD:",
            _AWAY,
            "test_on_the_way_back_nothing_goes_forward",
        ),
    ),
    Guard(
        "an older try gives way",
        3,
        "engine/rules.py",
        "if attempt is not None and seen > attempt:",
        _AWAY,
        ("scenarios/test_overlap.py::test_a_try_that_was_given_up_does_not_supersede_the_newer_one",),
        ("RecursionError",),  # the older try wakes up in the older try's effect, and so on
    ),
    *_of(
        3,
        _R3,
        "engine/turn.py",
        (
            "a stop-loss raises the epoch",
            'epoch = txn.raise_epoch()\n        body = {"why": why, "burn"',
            'epoch = txn.head.epoch\n        body = {"why": why, "burn"',
            "test_the_declaration_of_a_stop_loss_alone_stops_a_shift",
        ),
    ),
    *_of(
        3,
        _R3,
        "steps/return_traffic.py",
        (
            "a stop-loss leaves its epoch at the router",
            " and state.epoch >= world.known.fence",
            "",
            "test_a_first_shift_that_arrives_late_is_fenced_too",
        ),
    ),
    *_of(
        3,
        _R3,
        "engine/gates.py",
        (
            "no gate opens on the way back",
            "if now.plan.node(node_id)[0].phase is Phase.FORWARD and now.state is not OperationState.RUNNING:",
            _AWAY,
            "test_a_gate_does_not_open_for_an_operation_that_was_stopped_meanwhile",
        ),
    ),
    *_of(
        3,
        _R3,
        "engine/watchkeeping.py",
        (
            "an expired lease stays expired",
            "if lease is not None and lease.expires_at > now:",
            "if lease is not None:",
            "test_an_expired_lease_is_not_renewed_silently",
        ),
    ),
    Guard(
        "safe weights are asserted again",
        3,
        "guard/watch.py",
        "return watchkeeping.reassert(self._world, view.id, actor=ACTOR)",
        "return False",
        ("scenarios/test_watchkeeping.py::test_somebody_who_gives_the_candidate_traffic_again_is_undone",),
    ),
    # 4. Approvals are records in the journal.
    *_of(
        4,
        _R4,
        "engine/rules.py",
        ("order of nodes", "if not done:", _AWAY, "test_no_node_runs_before_its_predecessor"),
        ("a step has its approval", "if not approved(view, node):", _AWAY, "test_no_step_runs_before_its_approval"),
        ("m of n", ">= node.quorum", ">= 1", f"{_ROW}[one person twice]"),
        ("the requester does not count", " - {view.requester}", "", f"{_ROW}[the requester]"),
        ("strangers do not count", "(people & set(node.people))", "people", f"{_ROW}[a stranger]"),
        ("for this plan", "and a.plan_digest == view.plan_digest", "", f"{_ROW}[another plan]"),
        ("in time", "and a.in_time", "", f"{_ROW}[too late]"),
        ("a no is final", "or node.id in view.refused_by", "", f"{_ROW}[a no]"),
    ),
    *_of(
        4,
        _R4,
        "engine/approve.py",
        ("asked first", "if request is None:", _AWAY, "test_nobody_answers_what_was_not_asked", "KeyError"),
        (
            "a person answers",
            '    if person is None:\n        raise Refused(f"{node.id}',
            '    if False:\n        raise Refused(f"{node.id}',
            f"{_YES}[None-None-0-without a person]",
        ),
        ("not the requester", "if person == view.requester:", _AWAY, f"{_YES}[cat-None-0-may not approve it]"),
        ("not a stranger", "if person not in node.people:", _AWAY, f"{_YES}[mallory-None-0-mallory may not]"),
        ("of this plan", "if plan_digest != view.plan_digest:", _AWAY, f"{_YES}[ann-sha256:other-0-is about plan]"),
        (
            "not too late",
            "if view.time_is_over(node.id, world.clock.now()):",
            _AWAY,
            f"{_YES}[ann-None-3-time to answer is over]",
        ),
        (
            "enough others",
            "if len(people) < node.quorum:",
            _AWAY,
            "test_a_question_that_nobody_else_can_answer_is_not_asked",
        ),
    ),
    Guard(
        "a task runs its own plan only",
        4,
        "workflow/identity.py",
        "if view.plan_digest == blueprint.digest:",
        "if True:",
        ("airflow/test_plans.py::test_a_task_of_another_plan_is_held",),
    ),
    Guard(
        "a person's second yes is none",
        4,
        "engine/approve.py",
        "if any(given.node == node_id and given.person == person for given in view.approvals):",
        _AWAY,
        ("airflow/test_approvals.py::test_two_of_three_must_say_yes_and_each_once",),
    ),
    Guard(
        "the run is as green as the operation",
        4,
        "workflow/outcome.py",
        "if view.outcome is not GOOD_END[view.kind]:",
        _AWAY,
        ("airflow/test_runs.py::test_a_release_that_is_not_there_is_refused_before_any_effect",),
    ),
    # 5. Blind means hold.
    *_of(
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
    *_of(
        5,
        _R5,
        "engine/assess.py",
        ("a beat runs out", "if expires < now:", _AWAY, "test_a_guard_that_is_gone_opens_no_gate"),
    ),
    *_of(
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
    *_of(
        5,
        _R5,
        "judge/gate.py",
        ("old evidence is none", "if not now - at <= stale_after:", _AWAY, "test_old_evidence_opens_no_gate"),
    ),
    *_of(
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
    *_of(
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
    *_of(
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
    *_of(
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
    *_of(
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
    *_of(
        8,
        _R8,
        "steps/verify_target.py",
        (
            "the target is certified",
            "if target.digest not in {b.digest for b in world.known.baselines}:",
            _AWAY,
            "test_what_was_never_certified_is_no_target",
        ),
        (
            "the target is not vetoed",
            "if target.digest in world.known.vetoed | world.estate.artifacts.index().vetoed:",
            _AWAY,
            "test_a_vetoed_baseline_is_no_target",
        ),
    ),
    *_of(
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
    *_of(
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
    *_of(
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
    *_of(
        9,
        _R9,
        "steps/deploy_release.py",
        ("no slot that serves is replaced", "if foreign and weight:", _AWAY, "test_a_slot_that_serves_is_not_replaced"),
    ),
    *_of(
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
    *_of(
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
    *_of(
        11,
        _R11,
        "engine/takeover.py",
        (
            "break-glass gives its reason",
            '"why": reason',
            '"why": ""',
            "test_taking_over_is_written_before_it_acts",
        ),
    ),
    *_of(
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
    # Who may act, and a person's hand on an operation.
    *_of(
        0,
        "scenarios/test_control.py",
        "engine/rules.py",
        (
            "paused is paused",
            "if view.held is None or node_id == STOP_LOSS_NODE:",
            "if True:",
            "test_what_a_paused_operation_refuses",
        ),
    ),
    *_of(
        0,
        "scenarios/test_control.py",
        "engine/takeover.py",
        (
            "break-glass does not lift a pause",
            "if view.held is not None:",
            _AWAY,
            "test_what_a_paused_operation_refuses",
        ),
    ),
    *_of(
        0,
        "scenarios/test_control.py",
        "engine/control.py",
        (
            "a way back is not aborted",
            "if view.kind is OperationKind.ROLLBACK:",
            _AWAY,
            "test_what_cannot_be_aborted",
        ),
        (
            "an abort raises the epoch",
            "epoch = txn.raise_epoch()",
            "epoch = txn.head.epoch",
            "test_a_shift_in_flight_when_it_is_aborted_is_not_recorded_as_done",
        ),
    ),
    *_of(
        0,
        _ROLES,
        "engine/permission.py",
        ("nobody may not", "if not person or person == GUARD:", _AWAY, "test_nobody_and_the_guards_name_may_nothing"),
        ("roles are asked", "if may(policy, person, action):", "if True:", f"{_FORBIDDEN}[pause]"),
    ),
    *_of(
        0,
        _ROLES,
        "engine/open.py",
        (
            "who may request",
            "permit(world.policy, request.requester, Action.REQUEST)",
            "pass",
            f"{_FORBIDDEN}[promote]",
        ),
    ),
    *_of(
        0,
        _ROLES,
        "engine/takeover.py",
        (
            "who may break the glass",
            "permit(world.policy, person, Action.CONTROL)",
            "pass",
            f"{_FORBIDDEN}[break-glass]",
        ),
    ),
    *_of(
        0,
        _ROLES,
        "engine/control.py",
        (
            "who may pause",
            f"{_CONTROL}        view = _open(txn, operation, order)\n        if view.held is None:",
            f"{_FREE}        view = _open(txn, operation, order)\n        if view.held is None:",
            f"{_FORBIDDEN}[pause]",
        ),
        (
            "who may resume",
            f"{_CONTROL}{_HELD}            _line",
            f"{_FREE}{_HELD}            _line",
            f"{_FORBIDDEN}[resume]",
        ),
        (
            "who may abort",
            f"{_CONTROL}        view = _open(txn, operation, order)\n        _may_abort",
            f"{_FREE}        view = _open(txn, operation, order)\n        _may_abort",
            f"{_FORBIDDEN}[abort]",
        ),
    ),
    *_of(
        0,
        _ROLES,
        "engine/approve.py",
        ("who may approve", "permit(world.policy, person, Action.APPROVE)", "pass", f"{_FORBIDDEN}[approve]"),
    ),
    *_of(
        0,
        _ADOPTION,
        "engine/adoption.py",
        (
            "who may ask for an adoption",
            "permit(world.policy, person, Action.ADOPT)",
            "pass",
            "test_who_may_not_ask[cat]",
        ),
        (
            "who may answer for an adoption",
            "permit(world.policy, person, Action.APPROVE)",
            "pass",
            "test_who_may_not_approve[cat]",
        ),
        (
            "an adoption takes two",
            'if person == asked["requester"]:',
            _AWAY,
            "test_the_asker_never_approves",
        ),
        (
            "an adoption is answered in time",
            'if world.clock.now() > asked["expires_at"]:',
            _AWAY,
            "test_too_late_is_a_no",
        ),
        (
            "an adoption is of what was seen",
            'if asked["evidence_digest"] != seen.digest:',
            _AWAY,
            "test_a_yes_to_what_was_not_shown_is_refused",
        ),
    ),
    *_of(
        4,
        _EVIDENCE,
        "engine/approve.py",
        (
            "a yes is of the evidence",
            "if now != asked:",
            _AWAY,
            "test_a_yes_to_evidence_that_has_changed_since_is_refused",
        ),
    ),
    *_of(
        4,
        _EVIDENCE,
        "engine/rules.py",
        (
            "for this evidence",
            'and a.evidence_digest == request.get("evidence_digest", "")',
            "",
            "test_a_row_that_names_other_evidence_does_not_count",
        ),
    ),
    *_of(
        0,
        _EXPORT,
        "engine/auditing.py",
        ("who may export", "permit(policy, person, Action.AUDIT)", "pass", "test_only_an_auditor_takes_rows_out[cat]"),
    ),
    *_of(
        0,
        _EXPORT,
        "journal/export.py",
        ("what is exported verifies", "if walked.found:", _AWAY, "test_a_journal_that_does_not_verify_is_not_exported"),
    ),
    # What the rules stand on: the journal, the policy, the releases.
    Guard(
        "the chain is append-only",
        0,
        "journal/migrations/versions/rev_0001_first.py",
        'for verb in ("UPDATE", "DELETE")',
        "for verb in ()",
        (f"{_JOURNAL}::test_chain_is_append_only_for_whoever_makes_a_mistake[sqlite]",),
    ),
    *_of(
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
    *_of(
        0,
        "unit/steps/test_verify_release.py",
        "steps/verify_release.py",
        ("the index is asked", "if fault := index.shuts_out(release):", "if fault := None:", "test_too_old"),
    ),
    *_of(
        0,
        "unit/steps/test_verify_release.py",
        "drivers/artifacts/contract.py",
        ("no vetoed release", "if release.digest in self.vetoed:", _AWAY, "test_vetoed"),
        ("no release that is too old", "if release.sequence < self.oldest_sequence:", _AWAY, "test_too_old"),
    ),
    *_of(
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
    *_of(
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
    *SECRET_GUARDS,
    *SIGNAL_GUARDS,
    *LADDER_GUARDS,
    *MIGRATION_GUARDS,
    *DATA_GUARDS,
    *DATABASE_GUARDS,
    *BRAKE_GUARDS,
    *MOVING_GUARDS,
    *FLAG_GUARDS,
)
