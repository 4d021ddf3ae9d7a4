"""A service's own view of the flag file: OpenFeature with flagd's in-process provider."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

RELOAD_MS = 50


@contextmanager
def reader(file: Path) -> Iterator[Callable[[str, str], bool]]:
    """``sees(key, customer)`` as a service evaluates it, off where the source decides nothing."""
    from openfeature import api
    from openfeature.contrib.provider.flagd import FlagdProvider
    from openfeature.contrib.provider.flagd.config import ResolverType
    from openfeature.evaluation_context import EvaluationContext

    provider = FlagdProvider(resolver_type=ResolverType.FILE, offline_flag_source_path=str(file), deadline_ms=RELOAD_MS)
    domain = f"test-{uuid4()}"
    api.set_provider_and_wait(provider, domain)
    client = api.get_client(domain)

    def sees(key: str, customer: str) -> bool:
        return client.get_boolean_value(key, False, EvaluationContext(customer))

    try:
        yield sees
    finally:
        provider.shutdown()


def until(condition: Callable[[], bool], what: str, within: float = 30.0) -> None:
    """Wait for a condition, with a generous deadline."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"waited {within} s in vain for {what}"
        time.sleep(0.01)
