"""Guards of what people are told: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_RUNS = "airflow/notices/test_whole_runs.py"
_PAGES, _POLICY = "unit/report/test_owners_and_untold.py", "unit/policy/test_notices.py"

NOTICE_GUARDS: tuple[Guard, ...] = (
    *of(
        0,
        _PAGES,
        "engine/noticing.py",
        (
            "a point is claimed once",
            "if one.to and one.key not in taken:",
            "if one.to:",
            "test_who_could_not_be_told_stands_where_people_look",
        ),
    ),
    *of(
        0,
        _RUNS,
        "workflow/notifiers.py",
        (
            "what people write is no template",
            "    notifier.notify({})",
            "    notifier({})",
            "test_a_promotion_is_told_from_its_beginning_to_its_end",
        ),
        (
            "what a provider raises stops nothing",
            "    except Exception as error:\n        return redact(",
            "    except MemoryError as error:\n        return redact(",
            "test_who_cannot_be_told_stops_nothing_and_is_named",
        ),
    ),
    *of(
        0,
        _RUNS,
        "report/notice_points.py",
        (
            "what goes back by itself is not stuck",
            "return view.state is not OperationState.RUNNING or view.committed or not back",
            "return True",
            "test_a_forward_task_that_failed_for_good_is_not_stuck_where_the_way_back_follows",
        ),
    ),
    *of(
        0,
        _POLICY,
        "policy/announce.py",
        (
            "a missing provider is an import error",
            "errors += from_problems(missing_packages(one.policy), one.tree, str(one.path))",
            "pass",
            "test_a_provider_that_is_not_installed_is_an_error_that_names_it",
        ),
    ),
    *of(
        0,
        _POLICY,
        "policy/strings.py",
        (
            "the address of a webhook is not repeated",
            "if asked and isinstance(value, Scalar)",
            "if False and isinstance(value, Scalar)",
            "test_the_address_of_a_webhook_is_a_secret_and_not_repeated",
        ),
    ),
)
