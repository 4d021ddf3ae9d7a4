"""The SQL of a dashboard's panels, over the journal's own tables: what is shown is what is journalled. Pure.

``$__from`` and ``$__to`` are Grafana's, in milliseconds. Service names cannot hold a quote.
"""

# ruff: noqa: S608 - what is put in are our own words, and a service's name, which holds no quote

from __future__ import annotations

from collections.abc import Callable, Mapping

SQLITE, POSTGRES = "sqlite", "postgres"
_BETWEEN = "{0} >= $__from / 1000.0 and {0} <= $__to / 1000.0"
_CLOSING = "kind in ('step_verified', 'gate_opened')"
_BEGINNING = "kind in ('step_intended', 'approval_requested')"


def text(dialect: str, column: str, *keys: str) -> str:
    """A value inside a JSON column, as text or as SQLite has it."""
    if dialect == SQLITE:
        return f"json_extract({column}, '$.{'.'.join(keys)}')"
    return f"(({column})::jsonb #>> '{{{','.join(keys)}}}')"


def number(dialect: str, column: str, *keys: str) -> str:
    found = text(dialect, column, *keys)
    return found if dialect == SQLITE else f"({found})::float8"


def _points(dialect: str, inside: str) -> str:
    """From which a row for each key of ``inside`` (``arms``, ``weights``) of each of the guard's points comes."""
    if dialect == SQLITE:
        return f"evidence e, json_each(e.document, '$.points') p, json_each(p.value, '$.{inside}') c"
    return (
        "evidence e cross join lateral jsonb_array_elements(e.document::jsonb -> 'points') as p(value) "
        f"cross join lateral jsonb_each(p.value -> '{inside}') as c(key, value)"
    )


def _history(dialect: str, service: str, inside: str, value: str, metric: str = "c.key") -> str:
    at = number(dialect, "p.value", "at")
    return (
        f"select {at} as time, {metric} as metric, {value} as value from {_points(dialect, inside)} "
        f"where e.service = '{service}' and e.key = 'history' and {_BETWEEN.format(at)} order by 1, 2"
    )


def _figure(dialect: str, index: int) -> str:
    return f"json_extract(c.value, '$[{index}]')" if dialect == SQLITE else f"(c.value ->> {index})::float8"


def weights(dialect: str, service: str) -> str:
    """The candidate's part of each region's traffic, percent, as the guard met it."""
    value = "c.value / 100.0" if dialect == SQLITE else "(c.value #>> '{}')::float8 / 100.0"
    return _history(dialect, service, "weights", value)


def written(dialect: str, service: str) -> str:
    """Each split that was read back at the router."""
    split = text(dialect, "body", "facts", "split")
    return (
        f"select at as time, operation, {text(dialect, 'body', 'node')} as node, {split} as split from events "
        f"where service = '{service}' and kind = 'step_verified' and {split} is not null "
        f"and {_BETWEEN.format('at')} order by seq"
    )


def errors(dialect: str, service: str) -> str:
    """Part of the requests that failed, percent, by region and arm."""
    value = f"100.0 * {_figure(dialect, 1)} / {_figure(dialect, 0)}"
    return _history(dialect, service, "arms", value)


def latency(dialect: str, service: str) -> str:
    """p99 in milliseconds, by region and arm."""
    return _history(dialect, service, "arms", _figure(dialect, 3))


def verdicts(dialect: str, service: str) -> str:
    """Each gate's verdict, and why."""
    node, verdict = text(dialect, "body", "node"), text(dialect, "body", "evidence", "verdict")
    return (
        f"select at as time, operation, {node} as gate, {verdict} as verdict, {text(dialect, 'body', 'detail')} as why "
        f"from events where service = '{service}' and kind in ('gate_opened', 'gate_failed') "
        f"and {verdict} is not null and {_BETWEEN.format('at')} order by seq"
    )


def durations(dialect: str, service: str) -> str:
    """Seconds of each step and approval, from its first intent to when it was read back, beside the mean of its earlier
    runs."""
    node = text(dialect, "body", "node")
    took = (
        f"select operation, {node} as node, min(case when {_BEGINNING} then at end) as begun, "
        f"min(case when {_CLOSING} then at end) as ended from events where service = '{service}' "
        f"and ({_BEGINNING} or {_CLOSING}) group by operation, {node}"
    )
    stage = "substr(node, 1, instr(node, '.') - 1)" if dialect == SQLITE else "split_part(node, '.', 1)"
    return (
        f"with took as ({took}) select now.ended as time, now.operation, {stage.replace('node', 'now.node')} as stage, "
        "now.node, now.ended - now.begun as seconds, (select avg(past.ended - past.begun) from took past "
        "where past.node = now.node and past.ended < now.ended and past.begun is not null) as before "
        f"from took now where now.begun is not null and {_BETWEEN.format('now.ended')} order by now.ended"
    )


def objectives(dialect: str, service: str) -> str:
    """RTO and RPO that were measured, beside what is promised. Seconds."""
    gone, loss = number(dialect, "body", "gone"), number(dialect, "body", "loss", "seconds")
    rto, rpo = number(dialect, "body", "rto_target"), number(dialect, "body", "rpo_target")
    return (
        f"select at as time, operation, {text(dialect, 'body', 'kind')} as kind, {gone} as rto, {rto} as rto_target, "
        f"{loss} as rpo, {rpo} as rpo_target from events where service = '{service}' and kind = 'objectives_measured' "
        f"and {_BETWEEN.format('at')} order by seq"
    )


def budget(dialect: str, service: str, availability: float) -> str:
    """By hour: how fast the error budget was spent; 1 is as fast as promised."""
    if dialect == SQLITE:
        each, hour = "evidence e, json_each(e.document, '$.hours') c", "cast(c.key as integer) * 3600"
    else:
        each = "evidence e cross join lateral jsonb_each(e.document::jsonb -> 'hours') as c(key, value)"
        hour = "c.key::bigint * 3600"
    burn = f"1.0 * {_figure(dialect, 1)} / {_figure(dialect, 0)} / {1 - availability!r}"
    return (
        f"select {hour} as time, 'burn' as metric, {burn} as value from {each} where e.service = '{service}' "
        f"and e.operation = 'slo' and {_figure(dialect, 0)} > 0 and {_BETWEEN.format(hour)} order by 1"
    )


QUERIES: Mapping[str, Callable[[str, str], str]] = {
    "weights": weights,
    "written": written,
    "errors": errors,
    "latency": latency,
    "verdicts": verdicts,
    "durations": durations,
    "objectives": objectives,
}
