"""A dependency's circuit breaker as Envoy has it: part of a cluster, and the time-out of the route to it.

Envoy's two mechanisms are one breaker here. ``circuit_breakers`` bounds how many calls are under way or wait; what
comes on top is answered 503 at once. ``outlier_detection`` puts a target out after failures in a row, time-outs among
them, all of the targets if need be; and since no panic routing is allowed, calls are then answered 503 at once too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tidegate.model.dependency import Breaker, BreakerState, Limits

SWEEP = 0.25  # seconds between two looks at whether a target has been out for long enough
PROBE_EVERY = 0.5  # seconds
PROBES_FAILED = 2  # in a row, until a target is out
_MEMBERS = ("membership_total", "membership_healthy")
_FULL = tuple(f"circuit_breakers.default.{what}_open" for what in ("cx", "rq_pending", "rq"))
_COUNTERS = (
    "upstream_rq_total",
    "upstream_rq_timeout",
    "upstream_rq_pending_overflow",
    "upstream_cx_none_healthy",
    "outlier_detection.ejections_enforced_total",
)


def cluster_name(dependency: str) -> str:
    """Of the cluster, the listener and the route to it; no arm's name begins so."""
    return f"to-{dependency}"


def cluster_part(limits: Limits) -> dict[str, Any]:
    """What makes a cluster of Envoy's a breaker with these limits."""
    most = {
        "max_connections": limits.connections,
        "max_pending_requests": limits.pending,
        "max_requests": limits.connections + limits.pending,
        "max_retries": 0,
    }
    return {
        "circuit_breakers": {"thresholds": [{"priority": "DEFAULT", **most}, {"priority": "HIGH", **most}]},
        "outlier_detection": _outlier(limits),
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},  # else an open breaker lets everything through
        **({"health_checks": [_probe(limits)]} if limits.probe else {}),
    }


def route_part(limits: Limits) -> dict[str, Any]:
    """Of a route's action. No retries: a dependency that hangs must not get each call twice."""
    return {"timeout": _seconds(limits.timeout)}


def _outlier(limits: Limits) -> dict[str, Any]:
    """A target's time out is always the same: Envoy would add to it each time. Answers that are no gateway's count as
    well: who is told 500 five times in a row has no dependency either."""
    return {
        "consecutive_5xx": limits.failures,
        "enforcing_consecutive_5xx": 100,
        "consecutive_gateway_failure": limits.failures,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_success_rate": 0,
        "enforcing_failure_percentage": 0,
        "interval": _seconds(SWEEP),
        "base_ejection_time": _seconds(limits.open_for),
        "max_ejection_time": _seconds(limits.open_for),
        "max_ejection_percent": 100,
        "successful_active_health_check_uneject_host": False,  # it answers its probe, and fails its calls
    }


def _probe(limits: Limits) -> dict[str, Any]:
    """A target that was put out comes back when it answers again, and no user's call is spent on finding out."""
    return {
        "timeout": _seconds(limits.timeout),
        "interval": _seconds(PROBE_EVERY),
        "no_traffic_interval": _seconds(PROBE_EVERY),
        "unhealthy_threshold": PROBES_FAILED,
        "healthy_threshold": 1,
        "http_health_check": {"path": limits.probe},
    }


def limits_of(cluster: Mapping[str, Any], route: Mapping[str, Any]) -> Limits | None:
    """Inverse of :func:`cluster_part` and :func:`route_part`, from what Envoy says it runs with; None if it is not of
    that form."""
    try:
        most = cluster["circuit_breakers"]["thresholds"][0]
        outlier = cluster["outlier_detection"]
        probes = cluster.get("health_checks") or [{}]
        return Limits(
            timeout=_number(route["timeout"]),
            connections=int(most["max_connections"]),
            pending=int(most["max_pending_requests"]),
            failures=int(outlier["consecutive_gateway_failure"]),
            open_for=_number(outlier["base_ejection_time"]),
            probe=str(probes[0].get("http_health_check", {}).get("path", "")),
        )
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def stats_expression(dependencies: Iterable[str]) -> str:
    """Envoy's filter for everything that :func:`state` reads."""
    names = "|".join(cluster_name(one) for one in dependencies)
    wanted = "|".join((*_MEMBERS, *_FULL, *_COUNTERS)).replace(".", r"\.")
    return rf"^cluster\.({names})\.({wanted})$"


def state(dependency: str, stats: Mapping[str, int], limits: Limits | None) -> BreakerState | None:
    """From Envoy's gauges and counters; None if it has no such cluster."""
    name = f"cluster.{cluster_name(dependency)}"
    if f"{name}.membership_total" not in stats:
        return None
    total, healthy = (stats[f"{name}.{gauge}"] for gauge in _MEMBERS)
    full = any(stats.get(f"{name}.{gauge}") for gauge in _FULL)
    calls, timed_out, overflowed, none_healthy, opened = (stats.get(f"{name}.{one}", 0) for one in _COUNTERS)
    return BreakerState(
        breaker=_breaker(total, healthy, full),
        targets=total,
        out=total - healthy,
        calls=calls,
        timed_out=timed_out,
        turned_away=overflowed + none_healthy,
        opened=opened,
        limits=limits,
    )


def _breaker(total: int, healthy: int, full: bool) -> Breaker:
    if not healthy:
        return Breaker.OPEN
    if healthy < total:
        return Breaker.PARTLY
    return Breaker.FULL if full else Breaker.CLOSED


def _seconds(value: float) -> str:
    return f"{value:.9f}".rstrip("0").rstrip(".") + "s"


def _number(text: str) -> float:
    return float(str(text).removesuffix("s"))
