"""How much of a service is answered at all while it has less capacity than it needs."""

from __future__ import annotations

from dataclasses import dataclass

from tidegate.model.traffic import TOTAL

LONGEST_RETRY = 3600  # seconds that anybody is asked to stay away


@dataclass(frozen=True)
class Admission:
    """``admitted``: basis points of the sessions that are answered; the router itself answers the rest with 503 and
    Retry-After: ``retry_after`` seconds. It is the same sessions each time: one that is admitted stays so while the
    part grows."""

    admitted: int = TOTAL
    retry_after: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.admitted <= TOTAL:
            raise ValueError(f"admitted is {self.admitted}, expected 0 to {TOTAL} basis points")
        if self.admitted < TOTAL and not 1 <= self.retry_after <= LONGEST_RETRY:
            raise ValueError(f"retry_after is {self.retry_after}, expected 1 to {LONGEST_RETRY} seconds")
        if self.admitted == TOTAL and self.retry_after:
            raise ValueError("nobody is refused, so nobody is told when to come again")

    def __str__(self) -> str:
        return f"{self.admitted}/{self.retry_after}"

    @property
    def words(self) -> str:
        """For people."""
        if self == EVERYBODY:
            return "every session is admitted"
        part = f"{self.admitted / 100:g}% of the sessions are admitted"
        return f"{part}; the others get 503 and Retry-After: {self.retry_after}"

    @classmethod
    def parse(cls, text: str) -> Admission:
        """Inverse of ``str``. Raises ValueError."""
        admitted, _, retry = text.partition("/")
        if not (admitted.isascii() and admitted.isdigit() and retry.isascii() and retry.isdigit()):
            raise ValueError(f"not an admission: {text[:80]!r} (expected <basis points>/<seconds>)")
        return cls(int(admitted), int(retry))


EVERYBODY = Admission()


def admitting(admitted: int, retry_after: int) -> Admission:
    """That part of the sessions; with all of them nobody has to come again."""
    return EVERYBODY if admitted == TOTAL else Admission(admitted, retry_after)
