"""YAML text -> a tree of plain values that knows the line and column of every key and value.

What is read is YAML 1.2's core as people mean it: maps, lists, text, decimal numbers, ``true`` and ``false``. Refused
are anchors, aliases, tags, merge keys, directives, further documents, duplicate keys, keys that are no plain text,
nulls, numbers that are not finite or not decimal, and more depth or size than a policy has. ``no``, ``12:30`` and dates
stay text.

libyaml's parser yields the events: about 4 ms for a policy of 60 lines, and nothing is built before it is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from tidegate.errors import PolicyError, PolicyErrors
from tidegate.policy.source import UNSEEN

DEPTH = 12  # the schema needs 6, expectations' arguments may nest
NODES = 5_000
LONGEST = 10_000  # characters of one text
REPORTED = 50  # errors of one file

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
# What one reader of YAML or another takes for a number, and people do not agree on which.
_ODD_NUMBER = re.compile(
    r"[-+]?(0[0-9_]+(\.[0-9_]*)?|0o[0-7_]+|0x[0-9a-fA-F_]+|0b[01_]+|[0-9][0-9_]*_[0-9_]*(\.[0-9_]*)?"
    r"|\.[0-9][0-9_]*([eE][-+]?[0-9]+)?|[0-9]+\.([eE][-+]?[0-9]+)?)|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)"
)


@dataclass(frozen=True, slots=True)
class Mark:
    """Line and column, from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Scalar:
    """``text``: as written, without quotes."""

    value: str | int | float | bool
    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class ListNode:
    items: tuple[Node, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class MapNode:
    items: dict[str, tuple[Mark, Node]]
    mark: Mark


Node = Scalar | ListNode | MapNode


def plain(node: Node) -> Any:
    """The node's value as dicts, lists, text, numbers and booleans."""
    if isinstance(node, MapNode):
        return {key: plain(value) for key, (_, value) in node.items.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.value


def parse_tree(text: str, file: str) -> MapNode:
    """The document's map. Raises :class:`PolicyErrors` with all that is refused, the first syntax error ending it."""
    builder = _Builder(file)
    try:
        root = builder.document(yaml.parse(text, Loader=yaml.CSafeLoader))
    except yaml.MarkedYAMLError as error:
        builder.syntax(error)
    except yaml.YAMLError as error:
        builder.refuse(Mark(1, 1), f"is not YAML: {error}")
    except _TooMuch:
        pass
    if builder.errors:
        raise PolicyErrors(builder.errors[:REPORTED])
    if not isinstance(root, MapNode):
        message = "is empty" if root is None else "a policy is a map of keys, starting with service:"
        mark = root.mark if root else Mark(1, 1)
        raise PolicyErrors([PolicyError(message, file=file, line=mark.line, column=mark.column)])
    return root


class _TooMuch(Exception):
    """Reading on is pointless: it has been refused."""


def _mark(at: Any) -> Mark:
    return Mark(at.line + 1, at.column + 1)


@dataclass
class _Builder:
    file: str
    errors: list[PolicyError] = field(default_factory=list)
    nodes: int = 0

    def refuse(self, mark: Mark, message: str, hint: str = "") -> None:
        self.errors.append(PolicyError(message, file=self.file, line=mark.line, column=mark.column, next_step=hint))

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        where = error.problem_mark or error.context_mark
        mark = _mark(where) if where else Mark(1, 1)
        told = [part for part in (error.problem, error.context) if part]
        self.errors.append(
            PolicyError("is not YAML: " + " ".join(told), file=self.file, line=mark.line, column=mark.column)
        )

    def document(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.refuse(_mark(event.start_mark), "a second document", "one file holds one policy")
                    raise _TooMuch
                if event.version or event.tags:
                    self.refuse(_mark(event.start_mark), "a YAML directive", "remove the line that starts with %")
            elif isinstance(event, yaml.NodeEvent):
                root = self.node(event, events, 1)
        return root

    def node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        mark = _mark(event.start_mark)
        self.nodes += 1
        if self.nodes > NODES:
            self.refuse(mark, f"has more than {NODES} values")
            raise _TooMuch
        if isinstance(event, yaml.AliasEvent):
            self.refuse(mark, f"an alias (*{event.anchor})", "write the value out")
            return Scalar("", "", mark)
        if event.anchor is not None:
            self.refuse(mark, f"an anchor (&{event.anchor})", "write the value out where it is used")
        if event.tag is not None:
            self.refuse(mark, f"a tag ({event.tag})", "remove it")
        if isinstance(event, yaml.ScalarEvent):
            return self.scalar(event, mark)
        if depth > DEPTH:
            self.refuse(mark, f"is nested deeper than {DEPTH} levels")
            raise _TooMuch
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(events, mark, depth)
        return self.mapping(events, mark, depth)

    def sequence(self, events: Iterator[Any], mark: Mark, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.node(event, events, depth + 1))
        return ListNode(tuple(items), mark)

    def mapping(self, events: Iterator[Any], mark: Mark, depth: int) -> MapNode:
        items: dict[str, tuple[Mark, Node]] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            where = _mark(event.start_mark)
            key = self.key(event, events, depth)
            value = self.node(next(events), events, depth + 1)
            if key in items:
                self.refuse(where, f"{key!r} stands twice (first in line {items[key][0].line})", "keep one of them")
            elif key is not None:
                items[key] = (where, value)
        return MapNode(items, mark)

    def key(self, event: Any, events: Iterator[Any], depth: int) -> str | None:
        mark = _mark(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent):
            self.node(event, events, depth + 1)  # read past it
            self.refuse(mark, "a key that is no plain text")
            return None
        if event.anchor is not None or event.tag is not None:
            self.refuse(mark, "a key with an anchor or a tag", "remove it")
        if event.implicit[0] and event.value == "<<":
            self.refuse(mark, "a merge key (<<)", "write the keys out")
            return None
        if not event.value or UNSEEN.search(event.value) or "\n" in event.value or len(event.value) > 200:
            self.refuse(mark, f"{event.value[:40]!r} cannot be a key", "a key is one line of visible text")
            return None
        return str(event.value)

    def scalar(self, event: Any, mark: Mark) -> Scalar:
        text: str = event.value
        if unseen := UNSEEN.search(text):
            self.refuse(mark, f"a character that cannot be seen (U+{ord(unseen[0]):04X})", "remove it")
        if len(text) > LONGEST:
            self.refuse(mark, f"a text of {len(text)} characters, {LONGEST} at most")
            return Scalar("", "", mark)
        if not event.implicit[0]:  # quoted, or a block of text
            return Scalar(text, text, mark)
        return Scalar(self.plain_value(text, mark), text, mark)

    def plain_value(self, text: str, mark: Mark) -> str | int | float | bool:
        if text in _BOOLEANS:
            return _BOOLEANS[text]
        if text in _NULLS:
            self.refuse(mark, "has no value", "write one, or leave the key out")
        elif _INTEGER.fullmatch(text):
            return self.integer(text, mark)
        elif _FLOAT.fullmatch(text):
            return self.float(text, mark)
        elif len(text) <= 64 and _ODD_NUMBER.fullmatch(text):
            self.refuse(
                mark,
                f"{text[:40]!r} is read as different numbers by different readers",
                "write a finite decimal number without leading zeros or underscores, or put text in quotes",
            )
        return text

    def integer(self, text: str, mark: Mark) -> int:
        if len(text) > 19 or abs(int(text)) >= 2**53:
            self.refuse(mark, f"{text[:40]} is too large", "put it in quotes if it is text")
            return 0
        return int(text)

    def float(self, text: str, mark: Mark) -> float:
        value = float(text) if len(text) <= 40 else float("inf")
        if abs(value) > 1e300:
            self.refuse(mark, f"{text[:40]} is no finite number", "put it in quotes if it is text")
            return 0.0
        return value
