"""From answers to the text of a policy, every part with a line that says what it means. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate.drivers import registry
from tidegate.model.traffic import TOTAL
from tidegate.policy.driver_settings import SettingsOf, settings_of
from tidegate.policy.lint import Report, lint
from tidegate.policy.load import parse_policy
from tidegate.policy.quantities import parse_percent, parse_rate, percent_text
from tidegate.policy.questions import Answers, listed, required
from tidegate.policy.schema import RungHealth

DEADLINES = ("2h", "4h", "8h", "24h")
LOOK = 60.0  # seconds of traffic that a gate asks for, where the service has so much
PATIENCE = 900.0  # seconds that a gate may at most need: half of gate_within
SPARE = 1.2  # times the requests that a rung is judged by
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./%")


@dataclass(frozen=True)
class Draft:
    """``connections``: names that have to be defined before it can run."""

    text: str
    report: Report
    connections: tuple[str, ...]


def draft(answers: Answers, path: Path, lookup: SettingsOf = settings_of) -> Draft:
    """A policy that lints clean, with the shortest deadline that does. Raises ``PolicyErrors`` for answers of which no
    policy can be made; lines are those of the text that would have been written to ``path``."""
    for deadline in DEADLINES:
        text = "\n".join(_lines(answers, deadline, lookup)) + "\n"
        report = lint(parse_policy(text, path, lookup))
        if not any(finding.rule == "deadline-short" for finding in report.findings):
            break
    return Draft(text, report, tuple(sorted(set(re.findall(r'"conn://([^"]+)"', text)))))


def _lines(a: Answers, deadline: str, lookup: SettingsOf) -> Iterator[str]:
    regions = listed(a["regions"])
    shares = _shares(len(regions))
    yield "# A policy of Tidegate: one service. Every key: docs/reference/policy.md. Check it: tidegate lint"
    yield "version: 1  # of this format"
    yield f"service: {_text(a['service'])}  # DAGs are called promote__{a['service']}, rollback__{a['service']}"
    yield f"description: {_text(a['description'])}"
    yield "# Who answers for what; shown in Airflow and in every report."
    team, on_call = _text(a["team"]), _text(a["on_call"])
    yield f"owners: {{release: {team}, rollback: {team}, failover: {on_call}, dashboard: {on_call}}}"
    yield "# Who may do what, beyond what Airflow asks; left out, whoever Airflow lets. For example:"
    yield '# roles: {viewer: "*", operator: [cat], approver: [ann, ben], platform: [pat], auditor: [aud]}'
    yield "# What users are promised. At full weight a release is held against this."
    yield f"objectives: {{availability: {a['availability']}, latency_p99: {a['latency_p99']}}}"
    yield "# Where it serves, and which part of all traffic each region takes; 100% in all."
    yield "regions:"
    for index, region in enumerate(regions):
        role = "primary" if index == 0 else "standby"
        yield f"  {region}: {{share: {percent_text(shares[index])}, database: {role}}}"
    yield "# Classes of requests, judged apart so that a fault in the rarer one is not drowned; first match wins."
    yield "endpoints:"
    yield "  write: {methods: [POST, PUT, PATCH, DELETE], prefix: /}"
    yield "  read: {prefix: /}"
    yield "# What it usually sees. Steers nothing: lint foretells from it how long gates wait and what they see."
    writes = parse_percent(a["writes"])
    mix = f"{{write: {percent_text(writes)}, read: {percent_text(TOTAL - writes)}}}"
    seen = f"rate: {a['rate']}, sessions: {a['sessions']}, session_length: {a['session_length']}, errors: {a['errors']}"
    yield f"traffic: {{{seen}, mix: {mix}}}"
    yield "# What one release carries in one region. keep_warm: so much of the old one stays up after a promotion."
    yield f"capacity: {{per_instance: {a['per_instance']}, instances: {a['instances']}, keep_warm: 100%}}"
    yield "# The systems it runs on. conn://name is a connection of Airflow (or AIRFLOW_CONN_NAME without it):"
    yield "# addresses and secrets stand there, never here."
    yield "drivers:"
    for family in registry.FAMILIES:
        yield f"  {family}: {_driver(family, a, regions, lookup)}"
    yield from _promotion(a, regions, shares, deadline)
    yield "# How traffic comes back: steps of the candidate's weight, at once if errors burn the budget this fast."
    yield f"rollback: {{steps: [50%, 0%], fast_lane: 10x, {_way_back(parse_rate(a['rate']) * min(shares) / TOTAL)}}}"
    yield "# What is asked of the data after every reversion. Add what must hold in yours: no_rows, equal, expect."
    yield "checks:"
    yield f"  {_name(a['only_grows'])}_do_not_vanish: {{not_below_snapshot: {_text(a['only_grows'])}}}"


def _promotion(a: Answers, regions: list[str], shares: list[int], deadline: str) -> Iterator[str]:
    steps = [parse_percent(step) for step in listed(a["steps"])]
    yield "# How a release gets to all of the traffic: region after region, step after step, each behind a gate."
    yield "promotion:"
    yield f"  waves: [{', '.join(regions)}]"
    yield f"  steps: [{', '.join(percent_text(step) for step in steps)}]"
    yield "  alpha: 1%  # of good releases are taken back by mistake, at most; all signals and looks together"
    yield "  signals: {errors: {margin: 1x}, latency: {margin: 1.2x}}  # so much worse may it be; 1x: no worse"
    yield "  evidence:  # what the gate behind each step asks for, besides no signal failing"
    per_second = parse_rate(a["rate"]) * min(shares) / TOTAL
    for step in steps:
        yield f"    {percent_text(step)}: {_evidence(step, per_second * step / TOTAL, parse_percent(a['writes']))}"
    yield "  gate_within: 30m  # for that evidence to come; after it the promotion is taken back"
    people = listed(a["approvers"])
    if people:
        asked = next((step for step in steps if step >= TOTAL // 2), TOTAL)
        who = ", ".join(_text(person) for person in people)
        yield "  approvals:  # somebody else than the requester says yes; no answer is a no"
        yield f"    - {{before: {percent_text(asked)}, from: [{who}], quorum: 1, within: 30m}}"
    else:
        yield "  # approvals: nobody is asked before a weight; see docs/reference/policy.md"
    requests = min(5_000, max(1, int(parse_rate(a["rate"]) * 60)))
    yield f"  bake: {{lasts: {a['bake']}, requests: {requests}}}  # the time of trial at full weight"
    yield f"  deadline: {deadline}  # after it somebody is alerted; nothing is cut off"


def _evidence(step: int, per_second: float, writes: int) -> str:
    """A minute's worth, within reason; and, below full weight, a bound on the harm where that comes in time."""
    wanted = min(2_000, max(20, int(per_second * LOOK)))
    requests = max(1, min(wanted, int(per_second * PATIENCE)))
    rarest = per_second * min(writes, TOTAL - writes) / TOTAL
    if TOTAL // 2 <= step < TOTAL and rarest * PATIENCE / 2 >= 400:
        return f"{{requests: {requests}, not_worse_by: 1%}}"
    return f"{{requests: {requests}}}"


def _way_back(per_second: float) -> str:
    """Its deadline; and, where the quietest region is slow to judge a rung, the time that this takes with some to
    spare."""
    minutes = math.ceil(RungHealth().requests * SPARE / per_second / 60)
    if minutes * 60 <= RungHealth().within:
        return "deadline: 15m"
    return f"health: {{within: {minutes}m}}, deadline: {2 * minutes}m"


def _driver(family: str, a: Answers, regions: list[str], lookup: SettingsOf) -> str:
    settings = lookup(family, a[f"{family}.kind"])
    parts = [f"kind: {a[f'{family}.kind']}"]
    parts += [f"{name}: {_text(a[f'{family}.{name}'])}" for name in required(settings)]
    field = settings.model_fields.get("regions")
    if field and field.is_required():
        stem = a["service"].replace("-", "_") + ("_db" if family == "database" else "")
        pairs = (f'{region}: "conn://{stem}_{region.replace("-", "_")}"' for region in regions)
        parts.append(f"regions: {{{', '.join(pairs)}}}")
    return f"{{{', '.join(parts)}}}"


def _shares(count: int) -> list[int]:
    """Basis points, as equal as can be, the first ones taking what is left over."""
    each, rest = divmod(TOTAL, max(1, count))
    return [each + (index < rest) for index in range(count)]


def _text(text: str) -> str:
    """As YAML: bare if nothing in it can be misread."""
    bare = text[:1].isalpha() and set(text) <= _PLAIN and text.lower() not in ("true", "false", "null", "yes", "no")
    return text if bare or text.isdigit() else json.dumps(text, ensure_ascii=False)


def _name(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text.lower())
