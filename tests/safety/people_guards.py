"""Guards of who may act, and of a person's hand on an operation: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard, of

_AWAY = "if False:"
_ROLES, _FORBIDDEN = "scenarios/test_who_may_act.py", "test_whoever_may_not_changes_nothing"
_ADOPTION, _EVIDENCE = "scenarios/test_adoption.py", "scenarios/test_approval_evidence.py"
_EXPORT = "scenarios/test_audit_export.py"
_LOCKED = "    with world.journal.locked(world.service) as txn:\n"
_CONTROL, _FREE = f"    permit(world.policy, person, Action.CONTROL)\n{_LOCKED}", _LOCKED
_HELD = "        view = _open(txn, operation, order)\n        if view.held is not None:\n"

PEOPLE_GUARDS: tuple[Guard, ...] = (
    # Who may act, and a person's hand on an operation.
    *of(
        0,
        "scenarios/test_control.py",
        "engine/rules.py",
        (
            "paused is paused",
            "if view.held is None or node_id == STOP_LOSS_NODE:",
            "if True:",
            "test_what_a_paused_operation_refuses",
        ),
    ),
    *of(
        0,
        "scenarios/test_control.py",
        "engine/takeover.py",
        (
            "break-glass does not lift a pause",
            "if view.held is not None:",
            _AWAY,
            "test_what_a_paused_operation_refuses",
        ),
    ),
    *of(
        0,
        "scenarios/test_control.py",
        "engine/control.py",
        (
            "a way back is not aborted",
            "if view.kind is OperationKind.ROLLBACK:",
            _AWAY,
            "test_what_cannot_be_aborted",
        ),
        (
            "an abort raises the epoch",
            "epoch = txn.raise_epoch()",
            "epoch = txn.head.epoch",
            "test_a_shift_in_flight_when_it_is_aborted_is_not_recorded_as_done",
        ),
    ),
    *of(
        0,
        _ROLES,
        "engine/permission.py",
        ("nobody may not", "if not person or person == GUARD:", _AWAY, "test_nobody_and_the_guards_name_may_nothing"),
        ("roles are asked", "if may(policy, person, action):", "if True:", f"{_FORBIDDEN}[pause]"),
    ),
    *of(
        0,
        _ROLES,
        "engine/open.py",
        (
            "who may request",
            "permit(world.policy, request.requester, Action.REQUEST)",
            "pass",
            f"{_FORBIDDEN}[promote]",
        ),
    ),
    *of(
        0,
        _ROLES,
        "engine/takeover.py",
        (
            "who may break the glass",
            """    service.
    \"\"\"
    permit(world.policy, person, Action.CONTROL)""",
            """    service.
    \"\"\"
    pass""",
            f"{_FORBIDDEN}[break-glass]",
        ),
    ),
    *of(
        0,
        _ROLES,
        "engine/control.py",
        (
            "who may pause",
            f"{_CONTROL}        view = _open(txn, operation, order)\n        if view.held is None:",
            f"{_FREE}        view = _open(txn, operation, order)\n        if view.held is None:",
            f"{_FORBIDDEN}[pause]",
        ),
        (
            "who may resume",
            f"{_CONTROL}{_HELD}            _line",
            f"{_FREE}{_HELD}            _line",
            f"{_FORBIDDEN}[resume]",
        ),
        (
            "who may abort",
            f"{_CONTROL}        view = _open(txn, operation, order)\n        _may_abort",
            f"{_FREE}        view = _open(txn, operation, order)\n        _may_abort",
            f"{_FORBIDDEN}[abort]",
        ),
    ),
    *of(
        0,
        _ROLES,
        "engine/approve.py",
        ("who may approve", "permit(world.policy, person, Action.APPROVE)", "pass", f"{_FORBIDDEN}[approve]"),
    ),
    *of(
        0,
        _ADOPTION,
        "engine/adoption.py",
        (
            "who may ask for an adoption",
            "permit(world.policy, person, Action.ADOPT)",
            "pass",
            "test_who_may_not_ask[cat]",
        ),
        (
            "who may answer for an adoption",
            "permit(world.policy, person, Action.APPROVE)",
            "pass",
            "test_who_may_not_approve[cat]",
        ),
        (
            "an adoption takes two",
            'if person == asked["requester"]:',
            _AWAY,
            "test_the_asker_never_approves",
        ),
        (
            "an adoption is answered in time",
            'if world.clock.now() > asked["expires_at"]:',
            _AWAY,
            "test_too_late_is_a_no",
        ),
        (
            "an adoption is of what was seen",
            'if asked["evidence_digest"] != seen.digest:',
            _AWAY,
            "test_a_yes_to_what_was_not_shown_is_refused",
        ),
    ),
    *of(
        4,
        _EVIDENCE,
        "engine/approve.py",
        (
            "a yes is of the evidence",
            "if now != asked:",
            _AWAY,
            "test_a_yes_to_evidence_that_has_changed_since_is_refused",
        ),
    ),
    *of(
        4,
        _EVIDENCE,
        "engine/rules.py",
        (
            "for this evidence",
            'and a.evidence_digest == request.get("evidence_digest", "")',
            "",
            "test_a_row_that_names_other_evidence_does_not_count",
        ),
    ),
    *of(
        0,
        _EXPORT,
        "engine/auditing.py",
        ("who may export", "permit(policy, person, Action.AUDIT)", "pass", "test_only_an_auditor_takes_rows_out[cat]"),
    ),
    *of(
        0,
        _EXPORT,
        "journal/export.py",
        ("what is exported verifies", "if walked.found:", _AWAY, "test_a_journal_that_does_not_verify_is_not_exported"),
    ),
)
