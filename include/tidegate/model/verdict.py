"""Verdicts and the evidence they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """What a gate waits for. Only ``PASS`` opens it."""

    PASS = "pass"  # noqa: S105 a verdict, no password
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"  # measured, not enough yet
    NO_DATA = "no_data"  # blind: nothing, stale, NaN, future-dated …


@dataclass(frozen=True)
class SignalReading:
    """One signal's verdict with its figures.

    ``figures``: what was counted or computed, JSON numbers and strings only. ``missing``: what is still needed for a
    pass, in words a person reads ("120 more candidate checkouts, about 14 s"). Empty on a pass.
    """

    signal: str
    verdict: Verdict
    why: str
    figures: Mapping[str, float | int | str | None] = field(default_factory=dict)
    missing: str = ""


@dataclass(frozen=True)
class Evidence:
    """Verdict of a gate with all it rests on. ``observed_at`` is the newest observation used, epoch seconds."""

    verdict: Verdict
    why: str
    observed_at: float | None
    readings: tuple[SignalReading, ...] = ()


def combine(readings: tuple[SignalReading, ...]) -> Verdict:
    """Worst reading wins: fail > no_data > inconclusive > pass. No reading at all is ``no_data``."""
    for verdict in (Verdict.FAIL, Verdict.NO_DATA, Verdict.INCONCLUSIVE):
        if any(r.verdict is verdict for r in readings):
            return verdict
    return Verdict.PASS if readings else Verdict.NO_DATA


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    """JSON value of the evidence, as it is journalled and shown."""
    return {
        "verdict": evidence.verdict.value,
        "why": evidence.why,
        "observed_at": evidence.observed_at,
        "readings": [
            {
                "signal": r.signal,
                "verdict": r.verdict.value,
                "why": r.why,
                "figures": dict(r.figures),
                "missing": r.missing,
            }
            for r in evidence.readings
        ],
    }
