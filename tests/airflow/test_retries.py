"""Airflow tries again exactly what the error classes say may be tried again."""

from __future__ import annotations

from typing import Any

import pytest

from tidegate import errors

pytestmark = pytest.mark.airflow


def tree(cls: type[errors.TidegateError]) -> list[type[errors.TidegateError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in tree(child))]


def raised(cls: type[errors.TidegateError]) -> errors.TidegateError:
    if cls is errors.PolicyErrors:
        return errors.PolicyErrors([errors.PolicyError("wrong", file="shop.yaml")])
    if issubclass(cls, errors.PolicyError):
        return cls("wrong", file="shop.yaml")
    if cls is errors.JournalCorrupt:
        return errors.JournalCorrupt("broken", service="shop", seq=3)
    if cls is errors.GivesWay:
        return errors.GivesWay("it went wrong", operation="shop-promotion-1")
    return cls("it went wrong")


@pytest.mark.parametrize("cls", tree(errors.TidegateError), ids=lambda c: c.__name__)
def test_every_class_of_the_tree_decides(cls: type[errors.TidegateError]) -> None:
    from tidegate.workflow.retries import retry_policy

    decision = retry_policy().evaluate(raised(cls), try_number=1, max_tries=3)
    assert decision.action.value == ("retry" if cls.retryable else "fail")
    assert str(cls.changed) in str(decision.reason)


def test_what_is_not_ours_keeps_airflows_own_count() -> None:
    from tidegate.workflow.retries import retry_policy

    assert retry_policy().evaluate(OSError("no"), try_number=1, max_tries=3).action.value == "default"


def test_every_task_but_the_outcome_has_it() -> None:
    from airflow.dag_processing.dagbag import DagBag

    from tests.support.estate import ROOT

    for dag in DagBag(str(ROOT / "dags")).dags.values():
        without: list[Any] = [t.task_id for t in dag.tasks if t.retry_policy is None or t.retries != 3]
        word = dag.dag_id.partition("__")[0]
        expected = {"control": [], "readiness": ["readiness"]}.get(word, ["outcome"])
        assert without == expected, dag.dag_id  # a readiness that is red is an answer, and asked again within the hour
