"""What each kind of row means, in words that a reader of an audit needs."""

from __future__ import annotations

from collections.abc import Mapping

from tidegate.journal.model import EventKind

MEANINGS: Mapping[EventKind, str] = {
    EventKind.OPERATION_OPENED: "Somebody's request became an operation: who, why, the plan, and what was observed.",
    EventKind.LEASE_TAKEN: "A person took the operation over, and carries it on alone; or handed it back.",
    EventKind.STEP_INTENDED: "An actor is about to bring a step about. The epoch has risen: older actors are refused.",
    EventKind.STEP_VERIFIED: "The step was read back from the real system, or nothing was to be done.",
    EventKind.STEP_FAILED: "The step did not come about: why, and whether anything may have changed.",
    EventKind.GATE_OPENED: "The evidence suffices, or enough people said yes.",
    EventKind.GATE_FAILED: "The evidence is against it, or time was up.",
    EventKind.APPROVAL_REQUESTED: "Who may say yes, how many of them are needed, until when, and what they are shown.",
    EventKind.APPROVAL_GIVEN: "A named person said yes to this plan.",
    EventKind.APPROVAL_REFUSED: "A named person said no, or nobody answered in time.",
    EventKind.STOP_LOSS: "The guard's verdict is fail: the operation stops, and the candidate's weight goes to 0.",
    EventKind.TURNED_BACK: "The way forward could not be finished, or a person aborted it: only the way back runs now.",
    EventKind.HELD: "A person paused the operation: weights stand still, the guard goes on watching.",
    EventKind.RESUMED: "A person lifted the pause.",
    EventKind.OPERATION_CLOSED: "The operation is over: its outcome, and why. The lease is free.",
    EventKind.BASELINE_CERTIFIED: "The release survived its bake everywhere, or was adopted: a rollback target.",
    EventKind.BASELINE_RESTORED: "A rollback made an earlier baseline the stable release again.",
    EventKind.CATALOG_ENTERED: "What was promoted, why, what it replaces, and the exact way back.",
    EventKind.RELEASE_VETOED: "This release must not run any more: no promotion and no rollback goes to it.",
    EventKind.PINNED: "A person keeps the service on its release: no promotion begins until it is unpinned.",
    EventKind.UNPINNED: "A person lifted the pin.",
    EventKind.LINE_STOPPED: "A person stopped the line: promotions neither begin nor go on, unless exempted.",
    EventKind.LINE_STARTED: "A person started the line again.",
    EventKind.DATA_CHECKED: "One run of the data checks, with each result.",
    EventKind.RUNG_JUDGED: "A rung of the way back was judged by health and data: it is the last, or the next follows.",
    EventKind.CONTRACT_COMPLETED: "A schema contract was run: no rollback goes to a baseline from before it any more.",
    EventKind.PLACEMENT_RECORDED: "Which region takes writes and which part of the traffic each has, as it was seen.",
    EventKind.PREVIEW_OPENED: "A release is shown to those who send a header: which one, where, and the header.",
    EventKind.PREVIEW_WITHDRAWN: "No header leads to a preview any more.",
    EventKind.LEDGER_OPENED: "What the old primary alone had after a failover was read and kept: rows, by table.",
    EventKind.BACKUP_TAKEN: "A person took a base backup: from where, how large, how long it took.",
    EventKind.RESTORE_ASKED: "A person is about to restore the data of a time beside the live database.",
    EventKind.RESTORED_BESIDE: "It runs beside, read-only: what the checks found, how it differs from the live one.",
    EventKind.RESTORE_DISCARDED: "A database that was restored beside was stopped, and its files are gone.",
    EventKind.LEDGER_CLOSED: "A person closed lost writes: reapplied, superseded, discarded, or unreadable; why.",
    EventKind.OBJECTIVES_MEASURED: "How long users were without the service, by stage, and what was lost.",
    EventKind.OVERRIDDEN: "A person set a rule aside: which one, and why. Written before the effect.",
    EventKind.POLICY_SEEN: "The policy that is in force, by digest.",
    EventKind.LOCAL_JOURNAL_OPENED: "Two people opened a journal beside one that is out of reach; their signatures.",
    EventKind.JOURNAL_IMPORTED: "A local journal was taken in: its rows follow; what this journal did meanwhile.",
    EventKind.FLAGS_SET: "What part of the customers sees what is behind these flags, now and before; who, why.",
    EventKind.FLAG_RETIRED: "A person retired a flag: its key is never used again.",
    EventKind.SECRET_READ: "A secret was read: its name, version, who, and what for. Never its value.",
    EventKind.NOTE: "A remark that changes nothing: a request that became nothing, a write that was made again.",
}
