"""The rungs of the way back, the least invasive first."""

from __future__ import annotations

from enum import StrEnum


class Rung(StrEnum):
    """How far a way back has gone: flags are withdrawn, the traffic is back on the baseline, the release is stopped,
    schema and data are as before, the baseline runs anew everywhere. The first that restores health and data is the
    last one taken."""

    FLAGS = "flags"
    TRAFFIC = "traffic"
    RELEASE = "release"
    SCHEMA = "schema"
    EVERYWHERE = "everywhere"
