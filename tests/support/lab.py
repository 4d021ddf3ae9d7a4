"""A real lab for tests: in a directory of its own, ended whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.estate import Lab
from lab.places import Places


@contextmanager
def running_lab(
    home: Path, *, airflow: bool, dags: Path | None = None, expected: tuple[str, ...] = ()
) -> Iterator[Lab]:
    """The lab, up. Its data goes when it does."""
    options = {} if dags is None else {"dags": dags}
    lab = Lab(Places(home), expected=expected, **options)
    try:
        lab.up(airflow=airflow)
        yield lab
    finally:
        lab.down(purge=True)


def until(condition: Callable[[], bool], within: float, otherwise: str) -> None:
    """Wait for a condition. Fails the test, saying ``otherwise``, if it does not come about."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"{otherwise} within {within:.0f} s"
        time.sleep(0.05)
