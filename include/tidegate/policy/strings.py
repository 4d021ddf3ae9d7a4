"""What text in a policy may not hold: secrets, and references or paths that lead elsewhere than they seem."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tidegate.policy.problem import Loc, Problem
from tidegate.policy.tree import ListNode, MapNode, Node, Scalar

CONNECTION = re.compile(r"conn://[a-z][a-z0-9_]{0,62}")
_MEANT_AS_CONNECTION = re.compile(r"\s*conn:", re.IGNORECASE)
# Anchored on :// and bounded, so that no text makes the search slow.
_SECRET_URL = re.compile(r"://[^\s/@]{0,200}@|://[^\s/@:]{0,200}:[^\s@]{0,200}@")
_SECRET_KEY = re.compile(
    r"(^|_)(password|passwd|pwd|secret|token|api_?key|private_?key|access_?key)($|_)", re.IGNORECASE
)
_DRIVE = re.compile(r"[A-Za-z]:")
# Settings that name files and directories; further ones a driver marks by the type it gives them.
PATHS = frozenset({"path", "routes", "access_log", "slots", "location", "file", "directory", "public_keys", "cache"})
_ADDRESS = re.compile(r"(https?|postgres(ql)?|redis|amqp|tcp|udp|unix|grpc)://.*|[A-Za-z0-9.-]+:\d{1,5}", re.IGNORECASE)


def string_problems(node: Node, at: Loc = ()) -> Iterator[Problem]:
    """All that is wrong with the tree's texts. A message never repeats a text that may hold a secret."""
    if isinstance(node, MapNode):
        for key, (_, value) in node.items.items():
            yield from _secret_key(key, value, (*at, key))
            yield from _receiver(value, (*at, key))
            yield from string_problems(value, (*at, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from string_problems(item, (*at, index))
    else:
        yield from _text(node.text, at)


def _text(text: str, at: Loc) -> Iterator[Problem]:
    if _SECRET_URL.search(text):
        hint = "define the connection in a secrets backend and write conn://name"
        yield Problem("an address with a login or password in it", at, hint)
    elif _MEANT_AS_CONNECTION.match(text) and not CONNECTION.fullmatch(text):
        hint = "write conn:// and a lower-case name of letters, digits and underscores, like conn://shop_db_east"
        yield Problem(f"{text[:80]!r} is not a connection reference", at, hint)


def _secret_key(key: str, value: Node, at: Loc) -> Iterator[Problem]:
    if at[0] != "drivers" or not _SECRET_KEY.search(key) or not isinstance(value, Scalar):
        return
    if not CONNECTION.fullmatch(value.text):
        yield Problem(f"{key} looks like a secret", at, "name a connection: conn://name")


def _receiver(value: Node, at: Loc) -> Iterator[Problem]:
    """Where a notice goes to is a connection: the address of a webhook is a secret as a whole."""
    asked = at[0] == "notify" and len(at) == 3 and at[2] == "to"
    if asked and isinstance(value, Scalar) and not CONNECTION.fullmatch(value.text):
        hint = "define the connection in Airflow or its secrets backend, and write conn:// and its name"
        yield Problem("to is not a connection reference", at, hint)


def setting_problems(node: Node, at: Loc) -> Iterator[Problem]:
    """Among a driver's settings: paths that are absolute or lead upwards, addresses that are no connection."""
    if isinstance(node, MapNode):
        for key, (_, value) in node.items.items():
            yield from setting_problems(value, (*at, key))
    elif isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            yield from setting_problems(item, (*at, index))
    elif isinstance(node.value, str) and not node.value.startswith("conn://"):
        yield from _setting(node.value, at)


def _setting(text: str, at: Loc) -> Iterator[Problem]:
    named = any(part in PATHS for part in at[2:])
    below = "write a path below TIDEGATE_HOME, with / and without .."
    if _ADDRESS.fullmatch(text):
        yield Problem(f"{text[:80]!r} is an address", at, "define a connection and write conn://name")
    elif ".." in re.split(r"[/\\]", text):
        yield Problem(f"{text[:80]!r} leads out of its directory", at, below)
    elif text.startswith("~") or _DRIVE.match(text) or (named and (text.startswith("/") or "\\" in text)):
        yield Problem(f"{text[:80]!r} is not a relative path", at, below)
