"""What ``tidegate`` exits with, so that a script can tell "nothing happened" from "look before you go on".

:data:`TABLE` is the one table: the command line's help and ``docs/reference/exit-codes.md`` are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from tidegate.errors import (
    Changed,
    EffectError,
    Forbidden,
    JournalCorrupt,
    JournalError,
    LeaseLost,
    NotAuthorised,
    PlanError,
    PolicyError,
    RequestConflict,
    Throttled,
    TidegateError,
    Unreachable,
)
from tidegate.remote.ending import Ending


class ExitCode(IntEnum):
    """See :data:`TABLE`. 2 to 9 say how a command went; 10 to 15 and 18 how an operation did."""

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
    CAUGHT = 10
    NOT_APPROVED = 11
    TURNED_BACK = 12
    WAITS = 13
    RUNS = 14
    NEEDS_PERSON = 15
    NOT_AUTHORISED = 16
    ASKED_OTHERWISE = 17
    LOST_SIGHT = 18
    UNVOUCHED = 19
    NOT_REVERSIBLE = 20
    INTERRUPTED = 130


@dataclass(frozen=True)
class Row:
    """``changed``: did anything change. ``next``: what whoever reads it does now."""

    meaning: str
    changed: str
    next: str


TABLE: Mapping[ExitCode, Row] = {
    ExitCode.OK: Row("done as meant, or nothing to do", "as meant", "nothing"),
    ExitCode.MISTAKE: Row("a mistake in Tidegate itself; a traceback is shown", "not known", "report it"),
    ExitCode.USAGE: Row("the command line is wrong", "no", "`tidegate COMMAND --help`"),
    ExitCode.POLICY: Row("a policy or plan cannot be used; nothing ran", "no", "mend the policy: `tidegate lint`"),
    ExitCode.REFUSED: Row(
        "refused before any effect: a rule or a precondition", "no", "read why; the same again is refused again"
    ),
    ExitCode.TRY_AGAIN: Row("a system did not answer, or asked to wait", "no", "the same command again"),
    ExitCode.LOOK_FIRST: Row("something has changed, or may have", "yes, or not known", "look: `tidegate status`"),
    ExitCode.SUPERSEDED: Row("another actor holds the service", "no", "leave it to them: `tidegate status`"),
    ExitCode.JOURNAL: Row("the journal could not be read or written", "no, or not known", "see to its database"),
    ExitCode.CORRUPT: Row(
        "the journal does not verify", "not known", "`tidegate audit verify` names the first bad row"
    ),
    ExitCode.CAUGHT: Row(
        "the candidate was caught and rolled back",
        "yes, and it was taken back",
        "find out why; a new build needs a new request id",
    ),
    ExitCode.NOT_APPROVED: Row(
        "an approval was refused, or nobody gave it in time", "taken back, if anything was", "ask the approvers"
    ),
    ExitCode.TURNED_BACK: Row(
        "a person aborted it, or asked for what outranks it", "taken back, if anything was", "ask them"
    ),
    ExitCode.WAITS: Row(
        "at `--timeout`: paused, or waiting for a person; it goes on when they act",
        "maybe; it stands still",
        "approve, resume or unpause; then the same command again follows it",
    ),
    ExitCode.RUNS: Row(
        "at `--timeout`: still running", "maybe; it goes on", "the same command again follows the same operation"
    ),
    ExitCode.NEEDS_PERSON: Row(
        "the run ended, and its operation did not: a person is needed",
        "yes, or not known",
        "`tidegate status`; mend and clear the task, or `tidegate break-glass`",
    ),
    ExitCode.NOT_AUTHORISED: Row(
        "who asks is not known, or may not do this (Airflow, or the policy's roles)",
        "no",
        "check the token; ask for the role",
    ),
    ExitCode.ASKED_OTHERWISE: Row(
        "the request id was used before, for something else", "no", "use a request id of its own"
    ),
    ExitCode.LOST_SIGHT: Row(
        "it was begun, and Airflow tells no more of it", "maybe; it goes on", "the same command again follows it"
    ),
    ExitCode.UNVOUCHED: Row(
        "the journal verifies, but nobody has signed it (`tidegate audit verify --strict`)", "no", "start the witness"
    ),
    ExitCode.NOT_REVERSIBLE: Row(
        "a migration cannot be undone, or blocks a large table (`tidegate migrations prove`)",
        "no; scratch databases are gone again",
        "read the table; mend the downgrade, or split the migration",
    ),
    ExitCode.INTERRUPTED: Row(
        "interrupted; what was asked of Airflow goes on, what this command carried itself stands still",
        "maybe",
        "the same command again follows the same operation, or carries it on",
    ),
}

OF_ENDING: Mapping[Ending, ExitCode] = {
    Ending.AS_MEANT: ExitCode.OK,
    Ending.REFUSED: ExitCode.REFUSED,
    Ending.FORBIDDEN: ExitCode.NOT_AUTHORISED,
    Ending.CAUGHT: ExitCode.CAUGHT,
    Ending.NOT_APPROVED: ExitCode.NOT_APPROVED,
    Ending.TURNED_BACK: ExitCode.TURNED_BACK,
    Ending.WAITS: ExitCode.WAITS,
    Ending.RUNS: ExitCode.RUNS,
    Ending.NEEDS_PERSON: ExitCode.NEEDS_PERSON,
    Ending.LOST_SIGHT: ExitCode.LOST_SIGHT,
}


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
        case NotAuthorised() | Forbidden():
            return ExitCode.NOT_AUTHORISED
        case RequestConflict():
            return ExitCode.ASKED_OTHERWISE
        case _ if error.changed is not Changed.NO:
            return ExitCode.LOOK_FIRST
        case Unreachable() | Throttled():
            return ExitCode.TRY_AGAIN
        case EffectError():
            return ExitCode.REFUSED
    return ExitCode.MISTAKE


def as_text() -> str:
    """For ``tidegate exit-codes``."""
    return "\n".join(f"{code.value:>3}  {row.meaning}" for code, row in TABLE.items())


def as_markdown() -> str:
    """The reference page."""
    rows = [f"| {code.value} | {row.meaning} | {row.changed} | {row.next} |" for code, row in TABLE.items()]
    head = [
        "# Exit codes",
        "",
        "Made from `include/tidegate/cli/exit_codes.py` by `tidegate exit-codes --markdown`; a test compares the two.",
        "",
        "2 to 9 say how a command went; 10 to 15 and 18 how the operation did that `promote`, `rollback` or",
        "`break-glass` carried; 16 and 17 that the request was not taken; 19 is for `audit verify --strict`, 20 for",
        "`migrations prove`; 130 is Ctrl-C. Without `--wait`, 0 means that it was asked for.",
        "",
        "| code | meaning | did anything change? | what next |",
        "|---:|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"
