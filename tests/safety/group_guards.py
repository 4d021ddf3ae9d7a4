"""Guards of services that move together: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_SCENARIO = "scenarios/test_groups.py"
_SHAPE = "unit/test_group.py"
_REQUIRES = "scenarios/test_requires.py"
_FILES = "unit/policy/test_groups.py"

GROUP_GUARDS: tuple[Guard, ...] = (
    *of(
        0,
        _SHAPE,
        "plan/group.py",
        (
            "a group: nobody begins before what it needs is there",
            "return Standing(Stands.WAITS, waits) if waits else Standing(Stands.NEXT)",
            "return Standing(Stands.NEXT)",
            "test_what_is_needed_moves_first_and_returns_last",
        ),
        (
            "a group: the way back is in reverse",
            "forwards = (heading is Heading.THERE) is not self.reverse",
            "forwards = not self.reverse",
            "test_whoever_is_away_has_what_it_needs_away[2-hold]",
        ),
        (
            "a group: what has failed holds who needs it",
            "if held := tuple(_held_by(shape, state, earlier)):",
            "if held := ():",
            "test_who_is_held_when_one_fails[hold-catalog0]",
        ),
        (
            "a group: a decision tries again what failed",
            "tried = (Member(m.where, m.failed and n in left_out) for n, m in members.items())",
            "tried = (Member(m.where, m.failed) for n, m in members.items())",
            "test_no_state_blocks_going_on_or_going_back[1-False-hold]",
        ),
        (
            "a group: only who failed is left out",
            "if name not in members or not members[name].failed:",
            "if name not in members:",
            "test_a_decision_is_the_same_however_often_it_is_said",
        ),
    ),
    *of(
        7,
        _SCENARIO,
        "engine/groups.py",
        (
            "a group: one operation at a time",
            "if lease := txn.head.lease:",
            "if (lease := txn.head.lease) and False:",
            "test_asked_twice_is_once_and_a_second_one_is_refused",
        ),
        (
            "a group: a move that has ended is not ended twice",
            "return view.under_way(name) and last is not None and last.number == leg.number",
            "return last is not None",
            "test_an_end_that_is_told_late_changes_nothing",
        ),
        (
            "a group: its order is asked under the lock",
            "            shape_of.begin(view.shape, view.state, name)  # or it says why not\n",
            "",
            "test_nobody_begins_out_of_turn",
        ),
    ),
    *of(
        4,
        _SCENARIO,
        "engine/groups.py",
        (
            "a group: who may not begin a member's operation begins none of the group",
            "permit(policies[name], request.requester, Action.REQUEST)",
            "pass",
            "test_who_may_not_may_not_for_a_group",
        ),
        (
            "a group: who may not control a member does not decide",
            "permit(policies[name], person, Action.CONTROL)",
            "pass",
            "test_who_may_not_may_not_for_a_group",
        ),
    ),
    *of(
        8,
        _REQUIRES,
        "engine/requires.py",
        (
            "requires: a promotion waits for it",
            "        _promoted(world)\n",
            "        pass\n",
            "test_a_promotion_waits_for_what_it_requires",
        ),
        (
            "requires: no data is never a pass",
            "if at and not short:",
            "if not short:",
            "test_what_no_journal_knows_is_never_met",
        ),
        (
            "requires: nobody is left without",
            "        _rolled_back(world, goal)\n",
            "        pass\n",
            "test_a_rollback_that_leaves_a_dependent_without_is_refused[1.0.0]",
        ),
        (
            "requires: what is being promoted counts",
            "for release, wanted in [*asked, *_being_promoted(journal, name)]:",
            "for release, wanted in asked:",
            "test_not_while_a_dependent_is_being_promoted",
        ),
        (
            "requires: a release is asked by what was said then",
            'if rows and "requires" in rows[0].body:',
            "if False:",
            "test_what_a_release_requires_is_what_was_said_when_it_was_promoted",
        ),
    ),
    *of(
        0,
        _FILES,
        "policy/group_folder.py",
        (
            "a group: a service belongs to one",
            "both = [name for name in one.group.services if name in other.group.services]",
            "both: list[str] = []",
            "test_a_service_in_two_groups",
        ),
    ),
    *of(
        0,
        _FILES,
        "policy/groups.py",
        (
            "a group: no circle",
            "if way := circle(group.needs):",
            "if way := ():",
            "test_needs_that_form_a_circle",
        ),
    ),
)
