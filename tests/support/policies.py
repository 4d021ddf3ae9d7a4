"""Policies for tests: the sample service's, and changes to it."""

from __future__ import annotations

import textwrap
from pathlib import Path

from tidegate.errors import PolicyErrors
from tidegate.policy.load import Loaded, parse_policy

ROOT = Path(__file__).resolve().parents[2]
SHOP = ROOT / "dags" / "policies" / "shop.yaml"

SMALL = textwrap.dedent("""\
    service: pay
    description: A small service, all of it in memory
    owners: {release: team-pay, rollback: team-pay, failover: sre, dashboard: sre}
    objectives: {availability: 99.9%, latency_p99: 300ms}
    regions:
      east: {share: 60%, database: primary}
      west: {share: 40%, database: standby}
    endpoints:
      checkout: {methods: [POST], prefix: /orders}
      browse: {prefix: /}
    traffic: {rate: 200/s, sessions: 400, session_length: 30s, errors: 0.1%, mix: {checkout: 20%, browse: 80%}}
    capacity: {per_instance: 100/s, instances: 3, keep_warm: 100%}
    drivers:
      traffic: {kind: memory}
      compute: {kind: memory}
      metrics: {kind: memory}
      artifacts: {kind: memory}
      database: {kind: memory}
    promotion:
      waves: [east, west]
      steps: [5%, 50%, 100%]
      alpha: 1%
      signals:
        errors: {margin: 1.5x}
        latency: {margin: 1.5x}
        endpoints: [checkout]
      evidence:
        5%: {requests: 100}
        50%: {requests: 500, not_worse_by: 1%}
        100%: {requests: 1000}
      approvals:
        - {before: 50%, from: [ann, ben], quorum: 1, within: 30m}
      bake: {lasts: 1m, requests: 500}
      deadline: 2h
    rollback:
      steps: [50%, 0%]
      fast_lane: 10x
      deadline: 15m
    checks:
      no_orphans: {no_rows: "select id from orders where session_id is null"}
    """)


def changed(*changes: tuple[str, str], base: str = SMALL) -> str:
    """``base`` with each first occurrence replaced; an old text that is not there is a mistake in the test."""
    for old, new in changes:
        assert old in base, f"{old!r} is not in the policy"
        base = base.replace(old, new, 1)
    return base


def parsed(source: str, name: str = "pay.yaml") -> Loaded:
    return parse_policy(source, Path(name))


def complaints(source: str, name: str = "pay.yaml") -> list[str]:
    """What is wrong with ``source``, one ``line:column: message; hint`` each; empty if nothing is."""
    try:
        parsed(source, name)
    except PolicyErrors as error:
        return [str(one).removeprefix(f"{name}:").strip() for one in error.errors]
    return []
