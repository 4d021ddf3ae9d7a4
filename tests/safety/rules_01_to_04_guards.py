"""Guards of rules 1 to 4, one writer, no traffic into nothing, stale actors, approvals: part of ``GUARDS``."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_AWAY = "if False:"
_R2 = "safety/test_rule_02_never_route_to_nothing.py"
_R3 = "safety/test_rule_03_a_stale_actor_is_refused.py"
_R4 = "safety/test_rule_04_approvals_are_journal_records.py"
_TRAFFIC, _COMPUTE = "contracts/test_traffic.py", "contracts/test_compute.py"
_JOURNAL, _ARTIFACTS = "contracts/test_journal.py", "contracts/test_artifacts.py"
_ROW = "test_a_row_that_does_not_count_opens_nothing"
_YES = "test_only_a_yes_that_counts_is_written_down"
_STALE = "test_a_smaller_epoch_is_refused_and_changes_nothing"

RULES_01_TO_04: tuple[Guard, ...] = (
    # 1. One writable database.
    *of(
        1,
        "safety/test_rule_01_one_writable_database.py",
        "policy/rules_whole.py",
        ("one primary", "if len(primaries) != 1:", _AWAY, "test_a_policy_names_exactly_one_primary"),
    ),
    # 2. Never route to nothing.
    *of(
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
    *of(
        2,
        _R2,
        "model/traffic.py",
        ("weights sum", "if total != TOTAL:", _AWAY, "test_weights_sum_to_all_of_the_traffic"),
        ("no negative weight", "if any(weight < 0", "if any(False", "test_weights_sum_to_all_of_the_traffic"),
        ("no arm twice", "if len(set(arms)) != len(arms):", _AWAY, "test_weights_sum_to_all_of_the_traffic"),
    ),
    *of(
        2,
        _R2,
        "policy/rules_whole.py",
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
        "return self._in_force(), False",
        "return changed(self._in_force(), routed=RouteState(0, None)), False",
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
    *of(
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
    *of(
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
    *of(
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
    *of(
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
    *of(
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
    *of(
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
    *of(
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
    *of(
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
)
