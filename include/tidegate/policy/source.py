"""A policy's bytes: how many there may be, and which characters. Looked at before any parser sees them."""

from __future__ import annotations

import re
from pathlib import Path

from tidegate.errors import PolicyError, PolicyErrors

LIMIT = 256 * 1024  # bytes

# Control, bidirectional, zero-width, tag and other characters that a reader does not see: a policy means what it shows.
_UNSEEN = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff"
)
UNSEEN = re.compile(f"[{_UNSEEN}]")
_REFUSED = re.compile(f"[\t{_UNSEEN}]|\r(?!\n)")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def read_source(path: Path) -> str:
    """The file's text. Raises :class:`PolicyErrors`: missing, too large, not UTF-8, or with unseen characters."""
    file = str(path)
    try:
        with path.open("rb") as stream:
            raw = stream.read(LIMIT + 1)
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise PolicyErrors([PolicyError(message, file=file, next_step="check its name and permissions")]) from error
    if len(raw) > LIMIT:
        message = f"is larger than {LIMIT // 1024} KiB"
        raise PolicyErrors([PolicyError(message, file=file, next_step="a policy holds one service")])
    return _checked(_decoded(raw, file), file)


def check_source(text: str, file: str) -> str:
    """The same for text that was read elsewhere (a snapshot, a test)."""
    if len(text.encode("utf-8", "surrogatepass")) > LIMIT:
        message = f"is larger than {LIMIT // 1024} KiB"
        raise PolicyErrors([PolicyError(message, file=file, next_step="a policy holds one service")])
    return _checked(text, file)


def _decoded(raw: bytes, file: str) -> str:
    if raw.startswith(_UTF16):
        raise _at(file, "", "is UTF-16", "save it as UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8")
        raise _at(file, before, f"is not UTF-8 (byte 0x{raw[error.start]:02x})", "save it as UTF-8") from error


def _checked(text: str, file: str) -> str:
    if text.startswith("\ufeff"):
        raise _at(file, "", "starts with a byte order mark", "save it as UTF-8 without one")
    match = _REFUSED.search(text)
    if not match:
        return text
    if match[0] == "\t":
        raise _at(file, text[: match.start()], "a tab", "indent and align with spaces")
    if match[0] == "\r":
        raise _at(file, text[: match.start()], "a carriage return without a line feed", "end lines with \\n")
    name = f"U+{ord(match[0]):04X}"
    raise _at(file, text[: match.start()], f"a character that cannot be seen ({name})", "remove it")


def _at(file: str, before: str, message: str, hint: str) -> PolicyErrors:
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return PolicyErrors([PolicyError(message, file=file, line=line, column=column, next_step=hint)])
