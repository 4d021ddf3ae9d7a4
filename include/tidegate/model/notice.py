"""The points of an operation at which people can be told of it."""

from __future__ import annotations

from enum import StrEnum


class Point(StrEnum):
    """``DECLARED``: it was opened. ``NEEDS_APPROVAL``: somebody is asked. ``STAGE_DONE``: every node of a stage is
    verified. ``STUCK``: it is paused, or its next node failed for good, or nobody carries it on. ``TURNED_BACK``: it is
    on its way back, by the guard or anybody else. ``MISSED_OBJECTIVE``: RTO, RPO or deadline. ``FINISHED``: how it
    ended."""

    DECLARED = "declared"
    NEEDS_APPROVAL = "needs_approval"
    STAGE_DONE = "stage_done"
    STUCK = "stuck"
    TURNED_BACK = "turned_back"
    MISSED_OBJECTIVE = "missed_objective"
    FINISHED = "finished"
