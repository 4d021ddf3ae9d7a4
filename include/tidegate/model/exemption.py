"""Typed exemptions: on what ground a promotion goes on although a brake is on."""

from __future__ import annotations

from enum import StrEnum


class Exemption(StrEnum):
    """``SECURITY``: it closes a hole. ``HOTFIX``: it mends what users suffer from now. ``RESTORE``: it brings back a
    release that was certified before, which the engine checks. A rollback needs none: no brake holds it."""

    SECURITY = "security"
    HOTFIX = "hotfix"
    RESTORE = "restore"
