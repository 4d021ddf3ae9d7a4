"""Guards of drills: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_SCENARIO = "scenarios/test_drills.py"
_BLIND = "scenarios/test_drill_blind.py"
_CHAOS = "contracts/test_chaostoolkit.py"
_FAULTS = "contracts/test_faults.py"

DRILL_GUARDS: tuple[Guard, ...] = (
    *of(
        0,
        "scenarios/test_drill_catches.py",
        "engine/readiness_moving.py",
        (
            "readiness: a replication slot that nobody reads",
            "        if state.idle:\n",
            "        if False:\n",
            "test_a_drill_catches_it_before_anything_is_touched",
        ),
        (
            "readiness: a standby with too few instances",
            "    if len(instances) < world.policy.capacity.instances:\n",
            "    if False:\n",
            "test_a_drill_catches_it_before_anything_is_touched",
        ),
    ),
    *of(
        0,
        "scenarios/test_drill_catches.py",
        "engine/readiness_bundle.py",
        (
            "readiness: runbooks of other plans than today's",
            "    if stale:\n",
            "    if False:\n",
            "test_a_drill_catches_it_before_anything_is_touched",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/session.py",
        (
            "a drill: an environment that is not as production fails it",
            "        wrong += unlike(cast)\n",
            "",
            "test_an_environment_that_is_not_what_production_is_fails_the_drill",
        ),
    ),
    *of(
        0,
        "scenarios/test_drill_deaths.py",
        "drill/session.py",
        (
            "a drill: one whose holder died is brought home",
            "        _bring_home(cast, died)\n",
            "",
            "test_after_any_row_the_next_one_goes_home_and_is_held",
        ),
    ),
    *of(
        0,
        "scenarios/test_drill_deaths.py",
        "drill/died.py",
        (
            "a drill: an operation that died with its holder is carried on",
            "    if view is not None and _nobodys(view, other):",
            "    if False:",
            "test_an_operation_that_died_with_its_holder_is_carried_on",
        ),
    ),
    *of(
        0,
        "scenarios/test_drill_deaths.py",
        "drill/home.py",
        (
            "a drill: slots are as strong as before",
            "            world.estate.compute.apply(Arm.parse(name), SlotSpec(stable, were), token, _no_files)\n",
            "            pass\n",
            "test_after_any_row_the_next_one_goes_home_and_is_held",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/answers.py",
        (
            "a game day: nobody stands in for the people on call",
            "        if self.cast.game_day:\n            operation",
            "        if False:\n            operation",
            "test_on_a_game_day_people_answer_what_they_were_not_told",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/rehearse.py",
        (
            "a drill: with something in its way nothing is touched",
            "        return not said\n",
            "        return True\n",
            "test_what_is_in_the_way_is_said_before_anything_is_touched",
        ),
        (
            "a drill: its steady state has to return",
            "                *steady.differences(before, after),\n",
            "",
            "test_a_steady_state_that_does_not_return_fails_the_drill",
        ),
        (
            "a drill: it counts from the fault that users meet",
            "            at = self.cast.now()\n            self.cast.faults.inject(",
            "            self.cast.faults.inject(",
            "test_what_it_took_counts_from_the_fault_that_users_meet",
        ),
        (
            "a game day: what is broken is not told while it goes on",
            '        told = "is there; which it is, is told at the end" if self.cast.game_day else told\n',
            "",
            "test_on_a_game_day_people_answer_what_they_were_not_told",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/targets.py",
        (
            "a drill: the RTO is held against what users saw",
            "    if result.rto_met is False:",
            "    if False:",
            "test_a_restoration_over_the_rto_fails_the_drill",
        ),
    ),
    *of(
        0,
        _BLIND,
        "drill/blind.py",
        (
            "a drill: what goes forward blind fails it",
            "        wrong = (*forward(view.plan, self.rows(view), *unseen), *self._by_itself(operation))\n",
            "        wrong = tuple(self._by_itself(operation))\n",
            "test_a_gate_that_opens_blind_fails_the_drill",
        ),
        (
            "a drill: what begins for blindness alone fails it",
            "        wrong = (*forward(view.plan, self.rows(view), *unseen), *self._by_itself(operation))\n",
            "        wrong = tuple(forward(view.plan, self.rows(view), *unseen))\n",
            "test_what_begins_because_of_blindness_alone_fails_the_drill",
        ),
        (
            "a drill: somebody has to have gone blind",
            "            return view is not None and self._sees(view) is False\n",
            "            return True\n",
            "test_a_fault_that_blinds_nobody_fails_the_drill",
        ),
        (
            "a drill: a promotion that held has to come to its end",
            "        wrong = (*wrong, *ended_otherwise(view, (Outcome.PROMOTED,)))\n",
            "",
            "test_a_promotion_that_turns_back_for_blindness_fails_the_drill",
        ),
    ),
    *of(
        0,
        _CHAOS,
        "drivers/faults/_chaos_run.py",
        (
            "an experiment: what it did is taken back apart where it did not do so itself",
            "        self._run_apart(whole, env)\n",
            "",
            "test_if_all_are_killed_whoever_comes_next_is_told_and_takes_it_back",
        ),
        (
            "an experiment: a rollback that failed is never over",
            "        if not _settled(said, wanted):\n",
            "        if False:\n",
            "test_a_rollback_that_fails_is_said_and_tried_again",
        ),
        (
            "an experiment: no secret stays in what it wrote",
            "            _clean(file)\n",
            "            pass\n",
            "test_secrets_in_what_a_probe_returns_are_taken_out",
        ),
        (
            "an experiment: its rollbacks run, whatever it says itself",
            '"--rollback-strategy", "always"]',
            '"--no-validation"]',
            "test_what_others_have_published_runs_unmodified[never-rolled-back]",
        ),
    ),
    *of(
        0,
        _CHAOS,
        "drivers/faults/_chaos_told.py",
        (
            "an experiment: a steady state that deviates is no pass",
            '    if journal.get("deviated"):\n',
            "    if False:\n",
            "test_a_steady_state_that_deviates_is_its_verdict",
        ),
        (
            "an experiment: an action that failed is no pass",
            '    yield from (f"not done: {one}" for one in failures(journal.get("run") or ()))\n',
            "",
            "test_an_action_that_fails_is_no_pass",
        ),
    ),
    *of(
        0,
        _CHAOS,
        "drivers/faults/_chaos_keeper.py",
        (
            "an experiment: its keeper ends it in time",
            "time.time() < order.until and ",
            "",
            "test_it_is_ended_once_its_time_is_over_and_says_so",
        ),
    ),
    *of(
        0,
        "scenarios/test_drill_experiments.py",
        "drill/experiments.py",
        (
            "a drill: an experiment's verdict is part of its own",
            '        wrong = [f"{told.name}: {one}" for told in found for one in told.wrong]\n',
            "        wrong = list[str]()\n",
            "test_an_experiment_that_does_not_hold_fails_the_drill",
        ),
    ),
    *of(
        0,
        "unit/policy/test_drills.py",
        "policy/drills.py",
        (
            "policy: metrics may not be away for longer than a gate waits",
            "    yield from _blind(part, policy)\n",
            "",
            "test_metrics_may_not_be_away_for_longer_than_a_gate_waits",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/cast.py",
        (
            "a drill: what happens to the service itself ends it",
            "if phase in _STOPPED and (now := incident(self.world.journal, self.service)):",
            "if False and (now := incident(self.world.journal, self.service)):",
            "test_what_happens_to_the_service_itself_ends_the_drill_at_once",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "drill/home.py",
        (
            "a drill: faults are lifted on the way home",
            "        cast.faults.lift(one.id)\n",
            "        pass\n",
            "test_a_lost_region_is_left_and_gone_home_to",
        ),
    ),
    *of(
        0,
        _SCENARIO,
        "engine/obstacles.py",
        (
            "an overdue drill holds promotions where the policy says so",
            "    yield from drill_overdue(world, txn)\n",
            "",
            "test_promotions_are_held_while_a_drill_is_overdue_where_the_policy_says_so",
        ),
    ),
    *of(
        0,
        _FAULTS,
        "drivers/faults/memory.py",
        (
            "a fault: the same id breaks nothing twice",
            "        if there is None:\n",
            "        if True:\n",
            "test_the_same_id_again_breaks_nothing_twice[memory]",
        ),
    ),
)
