"""One line of the edge's JSON access log, understood or refused. Nothing is guessed."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from tidegate.drivers.traffic._envoy_file import PREVIEW, WRITES, parse_version
from tidegate.model.admission import EVERYBODY
from tidegate.model.observation import FlagSeen, Observation
from tidegate.model.topology import Arm
from tidegate.model.traffic import TOTAL, Endpoint, Split, classify

AHEAD = 2.0  # seconds that a line may be ahead of the reader's clock
LONGEST = 16 * 1024  # bytes of a line; the edge shortens what users can make long
_NONE = ("", "-", None)
_NOT_OURS = 400, 499
_REFUSED = 503


class MalformedError(ValueError):
    """The line is not what the edge is configured to write."""


def _no_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is no JSON")


_decode: Callable[[str], Any] = json.JSONDecoder(parse_constant=_no_constant).decode


@dataclass(frozen=True)
class _Route:
    """A route name, taken apart once for all the lines that carry it. ``arms``: those with weight, by name.
    ``limited``: a part of the sessions is turned away, or all that writes."""

    epoch: int
    split: Split
    regions: frozenset[str]
    arms: Mapping[str, Arm]
    limited: bool


@lru_cache(maxsize=4096)
def _route(name: str) -> _Route:
    halted = name.startswith(f"{WRITES};")
    epoch, split, admission = parse_version(name.removeprefix(f"{WRITES};"))
    weighed = {arm.name: arm for arm, weight in split.weights if weight}
    regions = frozenset(arm.region for arm in split.arms)
    return _Route(epoch, split, regions, weighed, halted or admission != EVERYBODY)


def parse(line: bytes, endpoints: Sequence[Endpoint], regions: Sequence[str], now: float) -> Observation | None:
    """The observation in ``line``; None for a request that the edge turned away as no valid HTTP (4xx, never routed):
    it is neither the service's answer nor a sign of blindness. None too for one that asked for a preview: it belongs
    to neither arm, and is nobody's share. Raises :class:`MalformedError` for anything else.

    ``now``: the reader's clock, epoch seconds.
    """
    if len(line) > LONGEST:
        raise MalformedError(f"a line of {len(line)} bytes")
    try:
        record = _decode(line.decode())
        return _observation(record, endpoints, regions, now)
    except MalformedError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as wrong:
        raise MalformedError(f"{type(wrong).__name__}: {str(wrong)[:80]}") from wrong


def _observation(
    record: dict[str, Any], endpoints: Sequence[Endpoint], regions: Sequence[str], now: float
) -> Observation | None:
    status = _status(record["code"])
    if record["route"] in _NONE:
        if _NOT_OURS[0] <= status <= _NOT_OURS[1]:
            return None
        raise MalformedError(f"answered {status} without a route")
    if _text(record["route"]).startswith(f"{PREVIEW};"):
        return None
    route = _route(record["route"])
    if not route.regions.issubset(regions):
        raise MalformedError(f"a route to regions that the service does not have: {route.split}")
    arm = _arm(record["cluster"], route)
    return Observation(
        at=_at(record["t"], now),
        arm=arm,
        session=_session(record["session"]),
        endpoint=classify(endpoints, _text(record["method"]), _text(record["path"])),
        status=status,
        milliseconds=_milliseconds(record),
        epoch=route.epoch,
        split=route.split,
        flags=_flags(record.get("exposure")),  # lines of before there was any are read all the same
        refused=route.limited and arm is None and status == _REFUSED,
    )


def _status(value: Any) -> int:
    """HTTP status; 0 where the user went away before there was one."""
    if type(value) is not int or not (value == 0 or 100 <= value <= 599):
        raise MalformedError(f"status {value!r}")
    return value


def _at(value: Any, now: float) -> float:
    at = float(_text(value))
    if not math.isfinite(at) or at <= 0:
        raise MalformedError(f"time {value!r}")
    if at > now + AHEAD:
        raise MalformedError(f"{at - now:.1f} s in the future")
    return at


def _arm(value: Any, route: _Route) -> Arm | None:
    """The arm that the router chose, None if it chose none. An arm without weight contradicts the route."""
    if value in _NONE:
        return None
    arm = route.arms.get(_text(value))
    if arm is None and _is_arm(value):
        raise MalformedError(f"sent to {value}, which has no weight in {route.split}")
    return arm


def _is_arm(name: str) -> bool:
    try:
        Arm.parse(name)
    except ValueError:
        return False
    return True


def _session(value: Any) -> str | None:
    return None if value in _NONE else _text(value)


def _flags(value: Any) -> tuple[FlagSeen, ...]:
    """``<key>=<on|off>;<basis points>;<epoch>``, several with a comma between them."""
    return () if value in _NONE else _flags_in(_text(value))


@lru_cache(maxsize=4096)
def _flags_in(text: str) -> tuple[FlagSeen, ...]:
    return tuple(_flag(item) for item in text.split(","))


def _flag(item: str) -> FlagSeen:
    key, _, said = item.strip().partition("=")
    variant, exposed, epoch = said.split(";")
    if not (key and variant in ("on", "off") and exposed.isascii() and exposed.isdigit() and epoch.isascii()):
        raise MalformedError(f"flag {item[:80]!r}")
    if int(exposed) > TOTAL or not epoch.isdigit():
        raise MalformedError(f"flag {item[:80]!r}")
    return FlagSeen(key, variant == "on", int(exposed), int(epoch))


def _milliseconds(record: dict[str, Any]) -> float:
    """From microseconds where the edge could tell (it cannot if the user went away), else its whole milliseconds."""
    fine = record["us"]
    value = record["ms"] if fine in _NONE else fine
    if type(value) not in (int, float) or not math.isfinite(value) or value < 0:
        raise MalformedError(f"duration {value!r}")
    return float(value) if fine in _NONE else float(value) / 1000


def _text(value: Any) -> str:
    if type(value) is not str:
        raise MalformedError(f"{type(value).__name__} where text belongs")
    return value
