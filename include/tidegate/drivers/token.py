"""The fencing token that every writing call carries."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Token:
    """Who writes, under which epoch of the service's lease.

    A system that can hold the epoch refuses a call with a smaller one (:class:`~tidegate.errors.LeaseLost`).
    """

    epoch: int
    operation: str
