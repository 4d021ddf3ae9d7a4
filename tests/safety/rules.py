"""The eleven safety rules, and where each of their clauses is held: by tests that exist, or by the part that brings it.

One table, read by ``test_rules.py`` (every rule has an address) and by ``make mutants`` (every guard has a rule).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Clause:
    """One thing that a rule demands. ``tests``: node ids below ``tests/`` that go red without it; ``part``: if it is
    not built yet, the part that brings it. Exactly one of the two is given."""

    says: str
    tests: tuple[str, ...] = ()
    part: int | None = None


@dataclass(frozen=True)
class Rule:
    """``sentence``: as the design says it; the rule's file holds it too."""

    number: int
    sentence: str
    clauses: tuple[Clause, ...]

    @property
    def prefix(self) -> str:
        """How the name of the rule's file begins."""
        return f"test_rule_{self.number:02}_"


RULES = (
    Rule(
        1,
        "At most one writable database per service at any instant. Fence first, then promote. No automatic "
        "cross-region promotion without proof of the fence, or a signed acceptance that names the loss.",
        (
            Clause(
                "a policy names exactly one primary",
                ("safety/test_rule_01_one_writable_database.py::test_a_policy_names_exactly_one_primary",),
            ),
            Clause(
                "two writable databases are seen, and refused by name",
                ("contracts/test_database.py::test_two_primaries_are_refused_by_name",),
            ),
            Clause("fence first, then promote_database", part=4),
            Clause("no promotion without proof of the fence, or a signed acceptance that names the loss", part=4),
        ),
    ),
    Rule(
        2,
        "Never route to nothing: a write that leaves no healthy target, or shares that do not sum to 100, is refused.",
        (
            Clause(
                "a write that leaves no healthy target is refused",
                (
                    "contracts/test_traffic.py::test_never_more_to_an_arm_without_a_healthy_target",
                    "contracts/test_traffic.py::test_never_to_nothing_at_all",
                    "safety/test_rule_02_never_route_to_nothing.py::test_a_shift_to_a_dead_slot_ends_where_it_began",
                ),
            ),
            Clause(
                "weights that do not sum to 100 cannot be said, nor shares",
                (
                    "safety/test_rule_02_never_route_to_nothing.py::test_weights_sum_to_all_of_the_traffic",
                    "safety/test_rule_02_never_route_to_nothing.py::test_shares_sum_to_all_of_the_traffic",
                ),
            ),
        ),
    ),
    Rule(
        3,
        "A stale actor is refused: epoch at the journal, and at the system itself where it can hold one.",
        (
            Clause(
                "at the journal",
                (
                    "contracts/test_journal.py::test_older_epoch_is_refused",
                    "safety/test_rule_03_a_stale_actor_is_refused.py::test_whoever_lost_the_lease_begins_nothing",
                    "safety/test_rule_03_a_stale_actor_is_refused.py::test_whoever_was_superseded_stops_before_the_effect",
                    "scenarios/test_overlap.py::test_a_try_that_was_given_up_does_not_supersede_the_newer_one",
                ),
            ),
            Clause(
                "at the router and at the slots, under their own locks",
                (
                    "contracts/test_traffic.py::test_a_smaller_epoch_is_refused_and_changes_nothing",
                    "contracts/test_traffic.py::test_a_deleted_route_file_fences_all_the_same",
                    "contracts/test_compute.py::test_a_smaller_epoch_is_refused_and_changes_nothing",
                ),
            ),
            Clause(
                "a stop-loss supersedes the shift that is on its way",
                (
                    "safety/test_rule_03_a_stale_actor_is_refused.py::test_a_shift_on_its_way_is_fenced_by_the_stop_loss",
                ),
            ),
            Clause("at the database", part=4),
        ),
    ),
    Rule(
        4,
        "Airflow's task state is not authority. An approval is a journal record bound to the plan digest and the "
        "evidence shown, by named people other than the requester, m of n, unexpired. Marking a task green approves "
        "nothing. A timeout never approves.",
        (
            Clause(
                "marking a task green approves nothing",
                (
                    "airflow/test_runs.py::test_an_approval_that_is_marked_green_lets_nothing_through",
                    "airflow/test_runs.py::test_marking_every_gate_green_lets_nothing_through",
                    "safety/test_rule_04_approvals_are_journal_records.py::test_no_step_runs_before_its_approval",
                    "safety/test_rule_04_approvals_are_journal_records.py::test_no_node_runs_before_its_predecessor",
                ),
            ),
            Clause(
                "named people other than the requester, m of n, for this plan, in time",
                (
                    "safety/test_rule_04_approvals_are_journal_records.py::test_only_a_yes_that_counts_is_written_down",
                    "safety/test_rule_04_approvals_are_journal_records.py::test_a_row_that_does_not_count_opens_nothing",
                ),
            ),
            Clause(
                "a timeout never approves",
                (
                    "scenarios/test_promotion.py::test_no_answer_is_a_no",
                    "airflow/test_approvals.py::test_a_no_and_a_time_out_are_final",
                ),
            ),
        ),
    ),
    Rule(
        5,
        "Blind means hold. No data is never a pass. A declared failover goes on when blind: in smaller steps, "
        "journalled, with a page to someone.",
        (
            Clause(
                "no weight grows without a live guard",
                ("safety/test_rule_05_blind_means_hold.py::test_no_weight_grows_without_a_live_guard",),
            ),
            Clause(
                "no data is never a pass",
                (
                    "unit/judge/test_gate.py::test_no_malformed_evidence_passes",
                    "unit/judge/test_gate.py::test_no_document_is_no_data",
                    "safety/test_rule_05_blind_means_hold.py::test_a_gate_that_cannot_look_does_not_open",
                    "safety/test_rule_05_blind_means_hold.py::test_a_gate_that_waited_too_long_fails",
                    "contracts/test_checks_run.py::test_no_check_at_all_is_no_data",
                ),
            ),
            Clause("a declared failover goes on when blind, in smaller steps, with a page", part=4),
        ),
    ),
    Rule(
        6,
        "Rollback, failover and break-glass need nothing from the failed region; edge, Airflow and journal stand in a "
        "third place.",
        (
            Clause(
                "the stop-loss needs nothing from a region that is gone",
                (
                    "safety/test_rule_06_nothing_from_the_failed_region.py::"
                    "test_traffic_is_safe_while_a_region_does_not_answer",
                    "contracts/test_traffic.py::test_a_dead_arm_elsewhere_does_not_stop_a_stop_loss",
                ),
            ),
            Clause(
                "break-glass needs no Airflow",
                ("safety/test_rule_06_nothing_from_the_failed_region.py::test_break_glass_imports_no_airflow",),
            ),
            Clause("failover and region drills: edge, Airflow and journal in a third place", part=4),
        ),
    ),
    Rule(
        7,
        "One operation per service; by rank failover > rollback > switchover > promotion > drill, the lower one is "
        "aborted and compensated first.",
        (
            Clause(
                "one operation per service",
                (
                    "safety/test_rule_07_one_operation_per_service.py::test_a_second_operation_is_refused",
                    "safety/test_rule_07_one_operation_per_service.py::test_nobody_takes_over_another_operations_service",
                    "safety/test_rule_07_one_operation_per_service.py::test_the_same_request_twice_is_one_operation",
                ),
            ),
            Clause(
                "the same trigger in parallel is one operation",
                (
                    "contracts/test_one_operation.py::test_the_same_trigger_fifty_times_is_one_operation",
                    "contracts/test_one_operation.py::test_of_fifty_triggers_one_opens_and_the_others_are_told_its_id",
                ),
            ),
            Clause(
                "a rollback takes the service from a promotion by rank, which goes back first",
                (
                    "scenarios/test_giving_way.py::test_a_promotion_goes_back_before_the_rollback_begins",
                    "scenarios/test_giving_way.py::test_nothing_takes_the_service_from_a_rollback",
                ),
            ),
            Clause("a failover takes it from all, and compensates first", part=4),
        ),
    ),
    Rule(
        8,
        "Only a certified baseline is a rollback target, and at least three are kept.",
        (
            Clause(
                "only a certified baseline is a target, and only what serves everywhere is certified",
                (
                    "safety/test_rule_08_only_baselines_are_targets.py::test_what_was_never_certified_is_no_target",
                    "safety/test_rule_08_only_baselines_are_targets.py::test_what_does_not_serve_everywhere_is_not_certified",
                    "safety/test_rule_08_only_baselines_are_targets.py::test_a_vetoed_baseline_is_no_target",
                ),
            ),
            Clause(
                "at least three are kept",
                (
                    "safety/test_rule_08_only_baselines_are_targets.py::test_the_oldest_of_four_baselines_can_be_gone_back_to",
                ),
            ),
        ),
    ),
    Rule(
        9,
        "A destructive step proves the live role of its target just before it acts.",
        (
            Clause(
                "a slot that serves is neither replaced nor emptied",
                (
                    "safety/test_rule_09_destructive_steps_prove_the_role.py::test_a_slot_that_serves_is_not_replaced",
                    "safety/test_rule_09_destructive_steps_prove_the_role.py::test_a_slot_that_serves_is_not_emptied",
                ),
            ),
            Clause("a database is not overwritten unless it is a standby", part=4),
        ),
    ),
    Rule(
        10,
        "Data residency: a failover target outside the policy's residency is refused at plan time.",
        (
            Clause(
                "a failover target outside the policy's residency is refused at plan time",
                (
                    "safety/test_rule_10_data_stays_in_its_residency.py::test_a_target_outside_is_refused_before_anything",
                    "safety/test_rule_10_data_stays_in_its_residency.py::test_a_connection_that_leads_outside_is_refused_and_the_way_back_is_not",
                ),
            ),
            Clause(
                "a policy whose regions, journal, snapshots, backups, logs or artifacts are outside is refused",
                (
                    "safety/test_rule_10_data_stays_in_its_residency.py::test_each_place_that_is_outside_is_refused_where_it_is_written",
                    "safety/test_rule_10_data_stays_in_its_residency.py::test_backups_are_held_to_it_too",
                    "safety/test_rule_10_data_stays_in_its_residency.py::test_a_region_outside_is_refused_and_one_of_which_nothing_is_said",
                ),
            ),
        ),
    ),
    Rule(
        11,
        "Overrides name the rule, the person and the reason, and are journalled before the effect.",
        (
            Clause(
                "break-glass and the fast lane: person and reason stand in the journal before any effect",
                (
                    "safety/test_rule_11_overrides_are_journalled_first.py::test_taking_over_is_written_before_it_acts",
                    "safety/test_rule_11_overrides_are_journalled_first.py::test_the_fast_lane_is_written_before_it_acts",
                ),
            ),
            Clause("a signed override of a rule, with the rule's number (rank, fence, residency)", part=4),
        ),
    ),
)
