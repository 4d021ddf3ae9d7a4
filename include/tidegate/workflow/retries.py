"""Which errors Airflow tries again, and which it stops on: the error classes decide, no text is parsed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from tidegate.errors import TidegateError

RETRIES = 3
DELAY = timedelta(seconds=2)


def retry_policy() -> ExceptionRetryPolicy:
    """One rule per class of the error tree, the most derived first; what is not ours keeps Airflow's own count."""
    return ExceptionRetryPolicy([_rule(cls) for cls in sorted(_tree(TidegateError), key=_depth, reverse=True)])


def _rule(cls: type[TidegateError]) -> RetryRule:
    action = RetryAction.RETRY if cls.retryable else RetryAction.FAIL
    reason = f"{cls.__name__}: changed {cls.changed}; " + (
        "tried again" if cls.retryable else "trying again cannot help"
    )
    return RetryRule(
        exception=cls,
        action=action,
        retry_delay=DELAY if cls.retryable else None,
        reason=reason,
    )


def _tree(cls: type[TidegateError]) -> Iterator[type[TidegateError]]:
    yield cls
    for child in cls.__subclasses__():
        yield from _tree(child)


def _depth(cls: type[TidegateError]) -> int:
    return len(cls.__mro__)
