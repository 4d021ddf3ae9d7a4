"""What ``tidegate`` exits with, so that a script can tell "nothing happened" from "look before you go on"."""

from __future__ import annotations

from enum import IntEnum

from tidegate.errors import (
    Changed,
    EffectError,
    JournalCorrupt,
    JournalError,
    LeaseLost,
    PlanError,
    PolicyError,
    Throttled,
    TidegateError,
    Unreachable,
)


class ExitCode(IntEnum):
    """====  ===========================================================================
    0     done, or nothing to do
    1     a mistake in Tidegate itself (a traceback is shown)
    2     the command line is wrong
    3     a policy or plan cannot be used; nothing ran
    4     refused: a rule or a precondition; nothing changed
    5     a system did not answer or asked to wait; nothing changed, try again
    6     something has changed, or may have: look before you go on
    7     another actor holds the service
    8     the journal could not be read or written
    9     the journal does not verify
    19    the journal verifies, but nobody has signed it (tidegate audit verify --strict)
    130   interrupted
    ====  ===========================================================================
    """

    OK = 0
    MISTAKE = 1
    USAGE = 2
    POLICY = 3
    REFUSED = 4
    TRY_AGAIN = 5
    LOOK_FIRST = 6
    SUPERSEDED = 7
    JOURNAL = 8
    CORRUPT = 9
    UNVOUCHED = 19
    INTERRUPTED = 130


def exit_code(error: TidegateError) -> ExitCode:
    """The code for an error: first by what has happened to it, then by what may have changed."""
    match error:
        case PolicyError() | PlanError():
            return ExitCode.POLICY
        case LeaseLost():
            return ExitCode.SUPERSEDED
        case JournalCorrupt():
            return ExitCode.CORRUPT
        case JournalError():
            return ExitCode.JOURNAL
        case _ if error.changed is not Changed.NO:
            return ExitCode.LOOK_FIRST
        case Unreachable() | Throttled():
            return ExitCode.TRY_AGAIN
        case EffectError():
            return ExitCode.REFUSED
    return ExitCode.MISTAKE
