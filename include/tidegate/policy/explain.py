"""From pydantic's errors, and from rules' problems, to errors with a line, a column and the likely word."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tidegate.errors import PolicyError
from tidegate.model.requirement import REQUIREMENT
from tidegate.policy.likely import likely
from tidegate.policy.problem import Loc, Problem
from tidegate.policy.quantities import parse_percent
from tidegate.policy.tree import ListNode, MapNode, Mark, Node, Scalar

_PATTERNS = {
    r"^[a-z][a-z0-9-]{0,62}$": "a lower-case letter, then lower-case letters, digits and dashes, 63 at most",
    r"^[a-z][a-z0-9_]{0,62}$": "a lower-case letter, then lower-case letters, digits and underscores, 63 at most",
    r"^[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}$": "a user name of letters, digits and @._+-",
    r"^\*$|^[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}$": "a user name of letters, digits and @._+-",
    r"^(?i:select|with)\s[^;]*$": "one SQL statement that starts with select or with, without a semicolon",
    r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$": "a span of hours, like 09:00-16:30",
    r"^\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?$": "a date like 2026-12-24, or a span like 2026-12-20..2027-01-06",
    r"^\s*\S.*$": "a name of somebody: a team or a person",
    r"^conn://[a-z][a-z0-9_]{0,62}$": "a connection, like conn://shop_slack",
    r"^[#@]?[A-Za-z0-9._-]{1,80}$": "a channel, like #shop-releases",
    r"^[^@\s<>,]{1,64}@[^@\s<>,]{1,255}$": "a mail address",
    r"^arn:[a-z0-9-]+:sns:[a-z0-9-]*:\d{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?$": "the ARN of an SNS topic",
    r"^[a-z]{2}(-[a-z]+)+-\d$": "an AWS region, like eu-west-1",
    r"^/[A-Za-z0-9/_.~-]{0,200}$": "a path that starts with /",
}
_PATTERNS[REQUIREMENT] = "a service, one of >= <= == != > <, and a version, like payments >= 1.1"
_PATTERNS[r"^[a-z][a-z0-9-]{0,54}$"] = "a lower-case letter, then lower-case letters, digits and dashes, 55 at most"
_MISSING = {
    "owners": "a policy names who answers for it: owners: {release: …, rollback: …, failover: …, dashboard: …}",
}
_EXPECTED = {
    "string_type": "text (put it in quotes)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "model_type": "a map of keys",
    "model_attributes_type": "a map of keys",
    "dict_type": "a map of keys",
    "tuple_type": "a list",
    "list_type": "a list",
}


def locate(root: Node, at: Loc, *, key: bool = False) -> Mark:
    """Where ``at`` stands, or the nearest part of it that does. ``key``: of its key rather than of its value."""
    node, mark = root, root.mark
    for part in at:
        found = _step(node, part)
        if found is None:
            break
        mark, node = found
    else:
        return mark if key else node.mark
    return mark


def _step(node: Node, part: str | int) -> tuple[Mark, Node] | None:
    if isinstance(node, MapNode):
        return node.items.get(str(part)) or _same_weight(node, str(part))
    if isinstance(node, ListNode) and isinstance(part, int) and part < len(node.items):
        return node.items[part].mark, node.items[part]
    return None


def _same_weight(node: MapNode, part: str) -> tuple[Mark, Node] | None:
    """``5%`` and ``5.0%`` are the same key."""
    if not part.endswith("%"):
        return None
    for key, found in node.items.items():
        try:
            if parse_percent(key) == parse_percent(part):
                return found
        except ValueError:
            continue
    return None


def node_at(root: Node, at: Loc) -> Node | None:
    """The node that ``at`` leads to."""
    node = root
    for part in at:
        found = _step(node, part)
        if found is None:
            return None
        node = found[1]
    return node


def from_problems(problems: Iterable[Problem], root: Node, file: str, prefix: Loc = ()) -> Iterator[PolicyError]:
    for problem in problems:
        mark = locate(root, (*prefix, *problem.at), key=problem.key)
        yield PolicyError(problem.message, file=file, line=mark.line, column=mark.column, next_step=problem.hint)


def from_pydantic(
    error: ValidationError, model: type[BaseModel], root: Node, file: str, prefix: Loc = ()
) -> Iterator[PolicyError]:
    """Every error of ``error``; ``prefix`` is where ``model``'s part begins in the tree."""
    for entry in error.errors(include_url=False):
        loc: Loc = tuple(entry["loc"])
        at = (*prefix, *loc)
        if entry["type"] == "tidegate_rules":
            yield from from_problems(entry["ctx"]["problems"], root, file, at)
            continue
        message, hint = _words(entry, loc, model, node_at(root, at))
        is_key = entry["type"] in ("extra_forbidden", "missing")
        mark = locate(root, at[:-1] if entry["type"] == "missing" else at, key=is_key)
        yield PolicyError(message, file=file, line=mark.line, column=mark.column, next_step=hint)


def _words(entry: Mapping[str, Any], loc: Loc, model: type[BaseModel], node: Node | None) -> tuple[str, str]:
    kind, ctx, shown = entry["type"], entry.get("ctx") or {}, _shown(node, entry.get("input"))
    if kind == "extra_forbidden":
        return f"unknown key {str(loc[-1])!r}", likely(str(loc[-1]), known_keys(model, loc[:-1]))
    if kind == "missing":
        return f"{loc[-1]} is missing", _MISSING.get(str(loc[0]), "")
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", ctx.get("expected", ""))
        return f"{shown} is not one of {', '.join(known)}", likely(shown.strip("'"), known)
    if kind == "string_pattern_mismatch":
        return f"{shown} is not {_PATTERNS.get(ctx['pattern'], 'of the form ' + ctx['pattern'])}", ""
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {shown}", _meant(kind, node)
    if kind == "value_error":
        return str(ctx.get("error", entry["msg"])), ""
    return f"{shown}: {entry['msg'][:1].lower()}{entry['msg'][1:]}", ""


def _meant(kind: str, node: Node | None) -> str:
    if kind == "bool_type" and isinstance(node, Scalar) and node.text.lower() in ("no", "off", "n", "0"):
        return "did you mean false?"
    if kind == "bool_type" and isinstance(node, Scalar) and node.text.lower() in ("yes", "on", "y", "1"):
        return "did you mean true?"
    return ""


def _shown(node: Node | None, value: Any) -> str:
    if isinstance(node, MapNode):
        return "a map of keys"
    if isinstance(node, ListNode):
        return "a list"
    text = node.text if node else str(value)
    quoted = repr(text[:60] + ("…" if len(text) > 60 else ""))
    return quoted if node is None or isinstance(node.value, str) else text


def known_keys(model: type[BaseModel], loc: Loc) -> tuple[str, ...]:
    """The keys that may stand at ``loc``, as an operator writes them."""
    part = _model_at(model, loc)
    if part is None:
        return ()
    return tuple(info.alias or name for name, info in part.model_fields.items())


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    current: Any = model
    for part in loc:
        current = _below(_bare(current), part)
    current = _bare(current)
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _bare(annotation: Any) -> Any:
    """Without ``Annotated`` and ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, types.UnionType):
            annotation = next((a for a in get_args(annotation) if a is not type(None)), None)
        else:
            return annotation


def _below(annotation: Any, part: str | int) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, info in annotation.model_fields.items():
            if part in (name, info.alias):
                return info.annotation
        return None
    args = get_args(annotation)
    origin = get_origin(annotation)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return args[1]
    if origin in (tuple, list) and args:
        return args[part] if args[-1] is not Ellipsis and isinstance(part, int) and part < len(args) else args[0]
    return None
