"""Guards of the signals beyond the comparison and of the watch after a promotion: part of
:data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_SERVICE, _BUSINESS = "unit/judge/test_service.py", "unit/judge/test_business.py"
_RARE, _VIGIL = "unit/judge/test_rare_endpoint.py", "unit/judge/test_vigil.py"
_AFTER, _PREVIEW = "scenarios/test_after_promotion.py", "scenarios/test_preview.py"


def _guard(name: str, file: str, old: str, new: str, test_file: str, test: str) -> Guard:
    return Guard(f"signals: {name}", 0, file, old, new, (f"{test_file}::{test}",))


SIGNAL_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a release is not blamed for a region that is not there",
        "guard/vigil.py",
        "if away := self._away(now):",
        "if away := list[str]():",
        _AFTER,
        "test_a_release_is_not_blamed_for_a_region_that_is_not_there",
    ),
    _guard(
        "a fault of the candidate's own is left to the comparison",
        "judge/service.py",
        "return min(self._both.log_e(), self._stable.log_e() + self._room)",
        "return self._both.log_e()",
        _SERVICE,
        "test_a_fault_of_the_candidates_own_is_left_to_the_comparison[0]",
    ),
    _guard(
        "a signal that asks people gives no verdict",
        "judge/fold.py",
        "return bool(self._crossed(asking=False))",
        "return bool(self._crossed(asking=False) or self._crossed(asking=True))",
        _SERVICE,
        "test_hold_is_a_question_and_no_verdict_and_keeps_the_gate_shut",
    ),
    _guard(
        "a session has one say in what sessions bring",
        "judge/business.py",
        "if seen.session is None or seen.session in self._settled or self._late(seen):",
        "if seen.session is None or self._late(seen):",
        _BUSINESS,
        "test_a_session_counts_when_its_time_is_over_whether_it_came_back_or_not",
    ),
    _guard(
        "a count that began under another weight has no coin",
        "judge/business.py",
        "if count.weight == self._weights[count.region][0]:",
        "if count.weight:",
        _BUSINESS,
        "test_a_change_of_weight_begins_every_open_count_anew",
    ),
    _guard(
        "no gate waits for requests of no class",
        "judge/gate.py",
        "if name != OTHER and (not self.endpoints or name in self.endpoints)",
        "if not self.endpoints or name in self.endpoints",
        _RARE,
        "test_requests_of_no_class_are_judged_and_no_gate_waits_for_them",
    ),
    _guard(
        "the bounds of the past share what one may be wrong with",
        "judge/past.py",
        "upper_limit(failures, requests, 1 - delta / len(usable))",
        "upper_limit(failures, requests, 1 - delta)",
        _VIGIL,
        "test_the_bounds_hold_together_and_little_is_no_past",
    ),
    _guard(
        "a release that fails after its promotion is said once",
        "engine/after_promotion.py",
        "if said or not still",
        "if not still",
        _AFTER,
        "test_it_is_declared_once_in_time_and_of_a_free_service_only",
    ),
    _guard(
        "while an operation is open it has the say",
        "engine/after_promotion.py",
        " or txn.head.lease is not None",
        "",
        _AFTER,
        "test_it_is_declared_once_in_time_and_of_a_free_service_only",
    ),
    _guard(
        "after its time the watch is over",
        "engine/after_promotion.py",
        " or not watched.at(world.clock.now())",
        "",
        _AFTER,
        "test_it_is_declared_once_in_time_and_of_a_free_service_only",
    ),
    _guard(
        "what was taken back is not where the next rollback goes",
        "engine/facts.py",
        "key=lambda b: b.release.digest in self.left",
        "key=lambda b: False",
        _PREVIEW,
        "test_a_release_that_was_left_is_not_where_the_next_rollback_goes",
    ),
)
