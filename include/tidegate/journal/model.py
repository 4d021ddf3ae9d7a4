"""What the journal holds: events in a chain, the head of the chain with its lease, beats, and what verifying finds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tidegate.model.operation import OperationKind

ZERO_HASH = "0" * 64  # what the first row of every chain follows
ROW_VERSION = 1  # format of the hashed row; each row carries its own


class EventKind(StrEnum):
    """Kinds of event. The meaning of each body belongs to the engine."""

    OPERATION_OPENED = "operation_opened"
    LEASE_TAKEN = "lease_taken"
    STEP_INTENDED = "step_intended"
    STEP_VERIFIED = "step_verified"
    STEP_FAILED = "step_failed"
    GATE_OPENED = "gate_opened"
    GATE_FAILED = "gate_failed"
    APPROVAL_REQUESTED = "approval_requested"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REFUSED = "approval_refused"
    STOP_LOSS = "stop_loss"
    TURNED_BACK = "turned_back"
    HELD = "held"
    RESUMED = "resumed"
    OPERATION_CLOSED = "operation_closed"
    BASELINE_CERTIFIED = "baseline_certified"
    BASELINE_RESTORED = "baseline_restored"
    CATALOG_ENTERED = "catalog_entered"
    RELEASE_VETOED = "release_vetoed"
    PINNED = "pinned"
    UNPINNED = "unpinned"
    LINE_STOPPED = "line_stopped"
    LINE_STARTED = "line_started"
    WRITES_STOPPED = "writes_stopped"
    WRITES_STARTED = "writes_started"
    DETOUR_SET = "detour_set"
    DETOUR_LIFTED = "detour_lifted"
    FLAGS_SET = "flags_set"
    FLAG_RETIRED = "flag_retired"
    SECRET_READ = "secret_read"  # noqa: S105 - a kind of event
    DATA_CHECKED = "data_checked"
    RUNG_JUDGED = "rung_judged"
    CONTRACT_COMPLETED = "contract_completed"
    PLACEMENT_RECORDED = "placement_recorded"
    PREVIEW_OPENED = "preview_opened"
    PREVIEW_WITHDRAWN = "preview_withdrawn"
    LEDGER_OPENED = "ledger_opened"
    LEDGER_CLOSED = "ledger_closed"
    OBJECTIVES_MEASURED = "objectives_measured"
    DRILL_BEGUN = "drill_begun"
    DRILL_PHASE = "drill_phase"
    DRILL_MEASURED = "drill_measured"
    DRILL_ENDED = "drill_ended"
    BACKUP_TAKEN = "backup_taken"
    RESTORE_ASKED = "restore_asked"
    RESTORED_BESIDE = "restored_beside"
    RESTORE_DISCARDED = "restore_discarded"
    OVERRIDDEN = "overridden"
    GROUP_OPENED = "group_opened"
    GROUP_MEMBER_BEGUN = "group_member_begun"
    GROUP_MEMBER_ENDED = "group_member_ended"
    GROUP_MEMBER_STUCK = "group_member_stuck"
    GROUP_DECIDED = "group_decided"
    GROUP_CLOSED = "group_closed"
    POLICY_SEEN = "policy_seen"
    LOCAL_JOURNAL_OPENED = "local_journal_opened"
    JOURNAL_IMPORTED = "journal_imported"
    NOTICE = "notice"
    NOTE = "note"


@dataclass(frozen=True)
class Event:
    """One row of a service's chain.

    ``seq`` counts from 1 without gaps. ``at``: epoch seconds by the writer's clock. ``epoch``: the service's epoch when
    the row was written. ``hash`` covers every field and ``prev_hash`` (:mod:`tidegate.journal.chain`). ``lease``: who
    held the lease once this row was written (operation, kind, holder), None if it was free.
    """

    service: str
    seq: int
    at: float
    kind: EventKind
    operation: str | None
    epoch: int
    actor: str
    body: Mapping[str, Any]
    prev_hash: str
    hash: str
    version: int
    lease: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Lease:
    """Who may act on a service now. ``expires_at``: epoch seconds; it is renewed and therefore outside the chain."""

    operation: str
    kind: OperationKind
    holder: str
    expires_at: float


@dataclass(frozen=True)
class Head:
    """Where a service's chain stands. ``epoch`` never shrinks, also while no lease is held."""

    service: str
    seq: int
    hash: str
    epoch: int
    lease: Lease | None


@dataclass(frozen=True)
class Beat:
    """Sign of life of one process. It counts until ``expires_at`` (epoch seconds)."""

    name: str
    at: float
    expires_at: float
    body: Mapping[str, Any]


@dataclass(frozen=True)
class Finding:
    """The journal does not verify. ``seq``: the first row that cannot be trusted, 0 if no row can be named."""

    service: str
    seq: int
    what: str

    def __str__(self) -> str:
        return f"{self.service} row {self.seq}: {self.what}" if self.seq else f"{self.service}: {self.what}"


@dataclass(frozen=True)
class SignedHead:
    """A head as the witness saw it. ``previous``: SHA-256 of the record before it in the same store, so that a record
    taken out of the middle shows. ``key_id``: SHA-256 of the public key; ``signature``: hex, ed25519."""

    service: str
    seq: int
    hash: str
    epoch: int
    at: float
    previous: str
    key_id: str = ""
    signature: str = field(default="", repr=False)
