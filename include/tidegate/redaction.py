"""Secret values that this process has read, and how they are kept out of text.

Whoever takes a value out of a vault or a connection calls :func:`remember`; from then on every error of Tidegate's tree
(:mod:`tidegate.errors`) loses it while it is made, and :func:`cleanse` takes it out of other people's exceptions before
anybody logs them. A value is found plain, as base64 (standard and URL-safe, wherever it stands in what was encoded),
URL-encoded, hexadecimal or as JSON writes it.
"""

from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
SHORTEST = 6  # characters; a shorter value would take ordinary words out of every message

_known: dict[str, tuple[str, ...]] = {}


def remember(value: str | None) -> None:
    """Keep ``value`` out of every text that :func:`redact` sees in this process. Shorter than six: passed over."""
    if value is not None and len(value) >= SHORTEST and value not in _known:
        _known[value] = forms(value)


def forms(value: str) -> tuple[str, ...]:
    """How ``value`` may stand in a text, longest first."""
    raw = value.encode()
    found = {value, quote(value), quote(value, safe=""), quote_plus(value), raw.hex(), raw.hex().upper()}
    found |= {json.dumps(value, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False)}
    for offset in range(3):
        found |= {_inside_base64(raw, offset), _inside_base64(raw, offset).translate(_URL_SAFE)}
    return tuple(sorted(found, key=len, reverse=True))


_URL_SAFE = str.maketrans("+/", "-_")


def _inside_base64(raw: bytes, offset: int) -> str:
    """What base64 makes of ``raw`` after ``offset`` other bytes (modulo 3), without the characters that depend on the
    neighbours."""
    encoded = base64.b64encode(b"\0" * offset + raw).decode().rstrip("=")
    whole = encoded if (offset + len(raw)) % 3 == 0 else encoded[:-1]
    return whole[(0, 2, 3)[offset] :]


def redact(text: str) -> str:
    """``text`` without any value that this process remembers, in any of its forms. Longest first, over all of them: a
    value that is the beginning of another one would leave the other's end to be read."""
    found = {form for known in tuple(_known.values()) for form in known if form in text}
    for form in sorted(found, key=lambda one: (-len(one), one)):
        text = text.replace(form, HIDDEN)
    return text


def tells(text: str) -> bool:
    """Whether ``text`` holds a value that this process remembers."""
    return any(form in text for known in tuple(_known.values()) for form in known)


def scrub(value: Any, keys: frozenset[str], *, text: bool = False) -> Any:
    """A JSON value whose texts below one of ``keys`` are redacted; what stands elsewhere is data and stays so."""
    if isinstance(value, str):
        return redact(value) if text else value
    if isinstance(value, Mapping):
        return {key: scrub(one, keys, text=text or key in keys) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [scrub(one, keys, text=text) for one in value]
    return value


def cleanse(error: BaseException) -> None:
    """Take every remembered value out of ``error`` and what it came from, so that its traceback may be printed.

    Messages are rewritten in place; a cause that still tells something is cut off.
    """
    seen: set[int] = set()
    below: BaseException | None = error
    while below is not None and id(below) not in seen:
        seen.add(id(below))
        _rewrite(below)
        below = below.__cause__ or below.__context__
    if tells("".join(traceback.format_exception(error))):
        error.__cause__ = error.__context__ = None


@contextmanager
def cleansed() -> Iterator[None]:
    """Errors that leave this block may be printed. One that cannot be rewritten leaves as a ``RuntimeError``."""
    try:
        yield
    except Exception as error:
        cleanse(error)
        if tells(str(error)):
            raise RuntimeError(redact(f"{type(error).__name__}: {error}")) from None
        raise


def _rewrite(error: BaseException) -> None:
    args = tuple(redact(a) if isinstance(a, str) else a for a in error.args)
    told = {name: redact(value) for name, value in vars(error).items() if isinstance(value, str) and tells(value)}
    with suppress(AttributeError):  # frozen: whoever prints it is told by `cleanse` or `cleansed` instead
        if args != error.args:
            error.args = args
        for name, value in told.items():
            setattr(error, name, value)
