"""flagd's file: written here, read by the service through an OpenFeature SDK with flagd's in-process provider.

Can hold a token: the epoch stands in the document's metadata and is compared under the file's lock. Longest flight of
``apply``: ``lock_seconds`` (2 s as shipped). A reader takes a change within its reload interval, about 0.1 s.

Beside the file stands ``<file>.last-good``: the same flags at the values that are known to be good. It is what a
service falls back to that starts while the file is away, and what the file is made of again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from tidegate.drivers._files import append_line, locked, replace
from tidegate.drivers.flags._document import BrokenError, Document, entry, resting, tombstone
from tidegate.drivers.flags._rules import refuse_unfit
from tidegate.drivers.flags.contract import Because, FlagsState, Setting
from tidegate.drivers.site import Site
from tidegate.drivers.token import Token
from tidegate.errors import LeaseLost, NotSettled, Unreachable

LAST_GOOD = ".last-good"  # what it adds to the file's name
_TICK = 1_000_000  # nanoseconds by which the file's time moves on at least: readers look at nothing else


class Settings(BaseModel):
    """``file``: the document that the service's flagd provider reads. ``lock_seconds``: how long a write may wait."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str
    lock_seconds: float = Field(default=2.0, gt=0, le=30)


def connect(settings: Settings, site: Site) -> FlagdFile:
    """The driver. Nothing is read yet."""
    return FlagdFile(site.path(settings.file), settings.lock_seconds)


class FlagdFile:
    """The contract of ``flags`` on one file. Each write that was really made is a line in ``<file>.log``."""

    def __init__(self, file: Path, lock_seconds: float = 2.0) -> None:
        self.file, self._lock_seconds = file, lock_seconds
        self.last_good = file.with_name(file.name + LAST_GOOD)
        self.log = file.with_name(file.name + ".log")
        self._lock = file.with_name(file.name + ".lock")

    def ping(self) -> None:
        if not self.file.parent.is_dir():
            raise Unreachable(f"the flag file's directory {self.file.parent} is not there")

    def observe(self) -> FlagsState:
        self.ping()
        try:
            return self._found().state()
        except BrokenError as broken:
            return FlagsState(self._fence(), broken=str(broken))

    def settled(self, desired: Mapping[str, Setting], token: Token) -> bool:
        state = self.observe()
        return state.has(desired) and state.epoch >= token.epoch

    def apply(self, desired: Mapping[str, Setting], token: Token, because: Because) -> None:
        """See the contract. Raises ``NotSettled`` if the file does not say afterwards what was written into it."""

        def change(document: Document) -> Document:
            state = document.state()
            refuse_unfit(desired, state)
            if state.has(desired) and state.epoch == token.epoch:
                return document
            stale = {key: setting for key, setting in desired.items() if state.flags.get(key) != setting}
            return document.put({k: entry(s, token, because) for k, s in stale.items()}, token.epoch)

        said = {key: str(setting) for key, setting in desired.items()}
        self._write(change, token, because, said)
        if not self.observe().has(desired):
            raise NotSettled(f"{self.file.name} does not hold what was written", next_step="see who else writes it")

    def retire(self, key: str, token: Token, because: Because) -> None:
        def change(document: Document) -> Document:
            state = document.state()
            if key in state.retired:
                return document
            refuse_unfit([key], state)
            return document.put({key: tombstone(token, because)}, token.epoch)

        self._write(change, token, because, {key: "retired"})

    def _write(
        self, change: Callable[[Document], Document], token: Token, because: Because, said: Mapping[str, str]
    ) -> None:
        self.ping()
        with locked(self._lock, self._lock_seconds, token):
            if (held := self._fence()) > token.epoch:
                raise LeaseLost(f"the flags are at epoch {held}, {token.operation} writes at {token.epoch}")
            before = self._before()
            after = change(before)
            if after is before and self._readable():
                return
            self._set_aside()
            replace(self.last_good, resting(after, after.value["flags"]).text())
            self._replace(after.text())
            effect = {"at": time.time(), "epoch": token.epoch, "flags": dict(said), "operation": token.operation}
            append_line(self.log, {**effect, "by": because.by, "why": because.why})

    def _replace(self, text: str) -> None:
        """Readers take a file only if its time is later than the one they know."""
        old = self.file.stat().st_mtime_ns if self.file.exists() else 0
        replace(self.file, text)
        if (new := self.file.stat().st_mtime_ns) < old + _TICK:
            os.utime(self.file, ns=(new, old + _TICK))

    def _found(self) -> Document:
        """Raises :class:`BrokenError`; a file that is not there and never was is an empty document."""
        if not self.file.exists():
            if self.last_good.exists():
                raise BrokenError("it is not there any more")
            return Document()
        return Document.parse(self.file.read_text(errors="replace"))

    def _before(self) -> Document:
        """What a write starts from: the file, or what was last known to be good if that cannot be understood."""
        try:
            return self._found()
        except BrokenError:
            return self._good()

    def _good(self) -> Document:
        try:
            return Document.parse(self.last_good.read_text())
        except (FileNotFoundError, BrokenError):
            return Document()

    def _fence(self) -> int:
        """The highest epoch that is known, also when the file has been taken away."""
        try:
            found = self._found().epoch
        except BrokenError:
            found = 0
        return max(found, self._good().epoch)

    def _readable(self) -> bool:
        try:
            self._found()
        except BrokenError:
            return False
        return self.file.exists()

    def _set_aside(self) -> None:
        """A file that cannot be understood is kept for whoever wants to know, and is in nobody's way."""
        if self.file.exists() and not self._readable():
            self.file.rename(self.file.with_name(f"{self.file.name}.broken"))
