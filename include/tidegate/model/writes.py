"""Reads only: what a router does with requests that write, while nobody can take a write."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.model.admission import LONGEST_RETRY

READING = ("GET", "HEAD", "OPTIONS")  # methods that write nothing; every other one may, and counts as a write


@dataclass(frozen=True)
class Halt:
    """The router itself answers requests that write, at once: 503 and Retry-After: ``retry_after`` seconds. What reads
    goes where it goes otherwise. Raises ValueError for a time that nobody may be told."""

    retry_after: int

    def __post_init__(self) -> None:
        if not 1 <= self.retry_after <= LONGEST_RETRY:
            raise ValueError(f"retry_after is {self.retry_after}, expected 1 to {LONGEST_RETRY} seconds")

    def __str__(self) -> str:
        return str(self.retry_after)

    @property
    def words(self) -> str:
        """For people."""
        return f"reads are served; writes get 503 and Retry-After: {self.retry_after}"

    @classmethod
    def parse(cls, text: str) -> Halt:
        """Inverse of ``str``. Raises ValueError."""
        if not (text.isascii() and text.isdigit()):
            raise ValueError(f"not a halt of writes: {text[:80]!r} (expected <seconds>)")
        return cls(int(text))


def reads(method: str) -> bool:
    """Whether a request of this method writes nothing."""
    return method in READING
