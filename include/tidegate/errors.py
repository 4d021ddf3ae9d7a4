"""Every error Tidegate raises, in one tree.

An error answers the operator's first question: *did anything change?*

::

    TidegateError
    ├── PolicyError            nothing ran: the policy cannot be used (file, line, column, hint)
    │   └── PolicyErrors       nothing ran: all that is wrong in one or more policies, in `.errors`
    ├── PlanError              nothing ran: no plan can be built from this policy and request
    ├── EffectError            an attempt to look at or change a real system
    │   ├── Refused            changed: no       we would not do it (a rule, a precondition); a retry will not help
    │   │   ├── NotYet         changed: no       a precondition that time can heal (no live guard, evidence missing)
    │   │   │   ├── Paused     changed: no       a person holds the operation: it waits until somebody resumes it
    │   │   │   └── GivesWay   changed: no       a lower operation is on its way back to make room: ask again then
    │   │   ├── RequestConflict changed: no      the request's id was used before, for something else
    │   │   └── Forbidden      changed: no       this person may not do this to this service
    │   ├── Unreachable        changed: no       the call was never sent
    │   ├── Throttled          changed: no       answered "later"
    │   ├── Rejected           changed: no       answered "no"
    │   │   └── NotAuthorised  changed: no       answered "not you": no log-in, or no permission
    │   ├── OutcomeUnknown     changed: unknown  sent, not answered: observe before anything else
    │   └── NotSettled         changed: yes      applied, but the system has not converged in time
    ├── LeaseLost              changed: no       another actor holds a newer epoch; never retried by the one refused
    └── JournalError
        ├── JournalUnreachable changed: no       the database is away or locked; unknown, if it went away at the commit
        ├── JournalConflict    changed: no       a stated precondition did not hold when the head was locked
        └── JournalCorrupt     changed: unknown  the chain does not verify; names the first bad row

``changed`` and ``retryable`` are class attributes, so a scheduler can map classes to retry rules without parsing text.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from tidegate.redaction import redact


class Changed(StrEnum):
    """Whether a failed call may have left a trace in a real system."""

    NO = "no"
    YES = "yes"
    UNKNOWN = "unknown"


class TidegateError(Exception):
    """Base of all. ``next_step`` says what the reader can do now. Secrets that this process has read are taken out of
    both texts here, once for every journal row, log line, page and answer that an error ends in."""

    changed: Changed = Changed.NO
    retryable: bool = False

    def __init__(self, message: str, *, next_step: str = "") -> None:
        self.message = redact(message)
        self.next_step = redact(next_step)
        super().__init__(self.message)

    def __str__(self) -> str:
        tail = f" Next: {self.next_step}" if self.next_step else ""
        return f"{self.message} (changed: {self.changed}){tail}"


class PolicyError(TidegateError):
    """A policy that cannot be used. ``line`` and ``column`` start at 1; 0 means the whole file."""

    def __init__(self, message: str, *, file: str, line: int = 0, column: int = 0, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.file, self.line, self.column = file, line, column

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        tail = f"; {self.next_step}" if self.next_step else ""
        return f"{where}: {self.message}{tail}"


class PolicyErrors(PolicyError):
    """All that is wrong, not only the first. ``errors`` is never empty; file, line and column are the first one's."""

    def __init__(self, errors: Sequence[PolicyError]) -> None:
        first = errors[0]
        super().__init__(
            first.message, file=first.file, line=first.line, column=first.column, next_step=first.next_step
        )
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join(str(error) for error in self.errors)


class PlanError(TidegateError):
    """No plan can be built: the request contradicts the policy or what the journal knows."""


class EffectError(TidegateError):
    """Looking at or changing a real system did not go as wanted."""


class Refused(EffectError):
    """We would not do it. Nothing was sent."""


class NotYet(Refused):
    """A precondition does not hold now, but may soon. Nothing was sent."""

    retryable = True


class Forbidden(Refused):
    """The person has no role that may do this to this service. Nothing was sent."""


class Paused(NotYet):
    """A person has paused the operation. Nothing was sent; it goes on when somebody resumes it."""


class GivesWay(NotYet):
    """A lower operation holds the service and gives way: it is on its way back, or about to end by itself. The request
    has changed nothing but that; asked again once ``operation`` is closed, it opens."""

    def __init__(self, message: str, *, operation: str, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.operation = operation


class RequestConflict(Refused):
    """A request id stands for one request. This one was used before, and asked for something else."""


class Unreachable(EffectError):
    """The call was never sent (name, route, connection refused)."""

    retryable = True


class Throttled(EffectError):
    """The system asked us to come back later."""

    retryable = True


class Rejected(EffectError):
    """The system answered no."""


class NotAuthorised(Rejected):
    """The system does not know who asks, or that person may not."""


class OutcomeUnknown(EffectError):
    """Sent, not answered. Observe before doing anything else."""

    changed = Changed.UNKNOWN
    retryable = True


class NotSettled(EffectError):
    """Applied, but the system has not converged within the time allowed."""

    changed = Changed.YES
    retryable = True


class LeaseLost(TidegateError):
    """A newer epoch exists: this actor has been superseded and must stop."""


class JournalError(TidegateError):
    """The journal could not be read or written."""


class JournalUnreachable(JournalError):
    """The journal's database is away, or its lock was not had in time. ``changed`` is unknown if at a commit."""

    retryable = True


class JournalConflict(JournalError):
    """A stated precondition did not hold once the head was locked; nothing was appended."""


class JournalCorrupt(JournalError):
    """The chain does not verify. ``service`` and ``seq`` name the first bad row."""

    changed = Changed.UNKNOWN

    def __init__(self, message: str, *, service: str, seq: int, next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.service, self.seq = service, seq
