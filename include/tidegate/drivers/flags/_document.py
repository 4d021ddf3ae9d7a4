"""A flagd document: how settings are written in it, and how it is read back.

Which customers are exposed is left to flagd's ``fractional`` on the targeting key: it puts a customer into a bucket by
a hash of flag and key, and the new behaviour takes the first buckets. So a customer stays where they are, more are
added as the part grows, and on the way back the last ones leave first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate.drivers.flags.contract import Because, FlagsState, Setting
from tidegate.drivers.token import Token
from tidegate.model.traffic import TOTAL

OWNER = "tidegate"
EPOCH = "tidegate_epoch"  # in the document's own metadata, whose values are numbers, texts and truths only
_VARIANTS = {"on": True, "off": False}
_LONGEST = 500  # characters of a reason


class BrokenError(ValueError):
    """The text is no flagd document; the message says why."""


@dataclass(frozen=True)
class Document:
    """``value``: the whole of it, other people's parts included."""

    value: Mapping[str, Any] = field(default_factory=lambda: {"flags": {}})

    @classmethod
    def parse(cls, text: str) -> Document:
        """Raises :class:`BrokenError`. A document without ``flags`` would clear everything, so it counts as broken."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as wrong:
            raise BrokenError(f"it is no JSON ({type(wrong).__name__})") from wrong
        if not isinstance(value, dict) or not isinstance(value.get("flags"), dict):
            raise BrokenError("it has no flags")
        if not isinstance(value.get("metadata", {}), dict):
            raise BrokenError("its metadata is no object")
        return cls(value)

    @property
    def epoch(self) -> int:
        found = self.value.get("metadata", {}).get(EPOCH, 0)
        return found if type(found) is int else 0

    def state(self) -> FlagsState:
        """Who owns what, and how it stands."""
        flags: dict[str, Setting] = {}
        foreign, edited, retired = set(), set(), set()
        for key, entry in self.value["flags"].items():
            meta = entry.get("metadata", {}) if isinstance(entry, dict) else {}
            if not isinstance(meta, dict) or meta.get("owner") != OWNER:
                foreign.add(key)
            elif meta.get("retired") is True:
                retired.add(key)
            elif (setting := _setting(entry, meta)) is None:
                edited.add(key)
            else:
                flags[key] = setting
        return FlagsState(self.epoch, flags, frozenset(foreign), frozenset(edited), frozenset(retired))

    def text(self) -> str:
        return json.dumps(self.value, indent=1)

    def put(self, entries: Mapping[str, Mapping[str, Any]], epoch: int) -> Document:
        """With these flags in it, and this epoch."""
        metadata = {**self.value.get("metadata", {}), EPOCH: epoch}
        return Document({**self.value, "flags": {**self.value["flags"], **entries}, "metadata": metadata})


def entry(setting: Setting, token: Token, because: Because) -> dict[str, Any]:
    """One flag of ours. ``metadata`` goes with every evaluation, so that an answer can tell under which exposure it
    was made."""
    meta = {"exposed": setting.exposed, "default": setting.default, **_marks(token, because)}
    return {"state": "ENABLED", **_decides(setting), "metadata": meta}


def tombstone(token: Token, because: Because) -> dict[str, Any]:
    """A retired flag: disabled, so whoever still asks gets the default of the code."""
    meta = {"retired": True, **_marks(token, because)}
    return {"state": "DISABLED", "variants": dict(_VARIANTS), "defaultVariant": "off", "metadata": meta}


def resting(document: Document, keys: Iterable[str]) -> Document:
    """The same flags of ours with nobody exposed beyond what is known to be good: what an outage falls back to."""
    found, kept = document.state(), {}
    for key in keys:
        if (setting := found.flags.get(key)) is not None:
            rest = Setting(TOTAL if setting.default else 0, setting.default)
            meta = {**document.value["flags"][key]["metadata"], "exposed": rest.exposed}
            kept[key] = {"state": "ENABLED", **_decides(rest), "metadata": meta}
        elif key in found.retired:
            kept[key] = document.value["flags"][key]
    return Document({"flags": kept, "metadata": {EPOCH: document.epoch}})


def _marks(token: Token, because: Because) -> dict[str, Any]:
    reason = because.why[:_LONGEST]
    return {"owner": OWNER, "epoch": token.epoch, "operation": token.operation, "by": because.by, "why": reason}


def _decides(setting: Setting) -> dict[str, Any]:
    split = [["on", setting.exposed], ["off", TOTAL - setting.exposed]]
    default = "on" if setting.default else "off"
    return {"variants": dict(_VARIANTS), "defaultVariant": default, "targeting": {"fractional": split}}


def _setting(found: Mapping[str, Any], meta: Mapping[str, Any]) -> Setting | None:
    """None if the flag is not what its own metadata says that we wrote."""
    exposed, default = meta.get("exposed"), meta.get("default")
    if type(exposed) is not int or type(default) is not bool or not 0 <= exposed <= TOTAL:
        return None
    setting = Setting(exposed, default)
    written = {"state": "ENABLED", **_decides(setting), "metadata": dict(meta)}
    return setting if found == written else None
