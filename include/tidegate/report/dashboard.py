"""A Grafana dashboard of one policy, as JSON for Grafana's import. Pure: the same policy is the same dashboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.policy.schema import Policy
from tidegate.report.panel_queries import POSTGRES, QUERIES, SQLITE, budget

PLUGINS = {SQLITE: "frser-sqlite-datasource", POSTGRES: "grafana-postgresql-datasource"}
SCHEMA = 39  # of dashboards, as Grafana 11 writes it; later ones read it
_HALF, _HIGH = 12, 8  # in Grafana's grid


@dataclass(frozen=True)
class Panel:
    """``graph``: drawn over time; else a table."""

    title: str
    says: str
    sql: str
    unit: str = ""
    graph: bool = True


def panels(policy: Policy, dialect: str) -> list[Panel]:
    """In the order in which they are looked at."""
    sql = {name: query(dialect, policy.service) for name, query in QUERIES.items()}
    promised = policy.objectives
    limit = f"No more than {promised.latency_p99:g} s is promised for 99% of requests."
    signals = policy.promotion.signals
    margin = f"The candidate may reach the stable arm's times its margin: {signals}."[:400]
    rto = "none" if promised.rto is None else f"{promised.rto:g} s"
    rpo = "none" if promised.rpo is None else f"{promised.rpo:g} s"
    return [
        Panel("Candidate's weight by region", "As the guard met it in the edge's log.", sql["weights"], "percent"),
        Panel("Weights that were written", "Read back at the router.", sql["written"], graph=False),
        Panel("Errors by arm", margin, sql["errors"], "percent"),
        Panel("Latency p99 by arm", f"{limit} {margin}", sql["latency"], "ms"),
        Panel("Gates' verdicts", "As they are journalled.", sql["verdicts"], graph=False),
        Panel("Durations beside earlier runs", "Of steps and approvals, by stage.", sql["durations"], "s", False),
        Panel("RTO and RPO", f"Promised: RTO {rto}, RPO {rpo}.", sql["objectives"], "s", False),
        Panel(
            "Error budget burn",
            f"1 spends it as fast as {promised.availability:.3%} allows.",
            budget(dialect, policy.service, promised.availability),
        ),
    ]


def dashboard(policy: Policy, dialect: str) -> dict[str, Any]:
    """``dialect``: ``sqlite`` or ``postgres``, of the journal's database. Its owner stands in title and tags."""
    owner, plugin = policy.owners.dashboard, PLUGINS[dialect]
    source = {"type": plugin, "uid": "${journal}"}
    variable = {
        **{"name": "journal", "label": "Journal", "type": "datasource", "query": plugin, "regex": ""},
        **{"hide": 0, "refresh": 1, "multi": False, "includeAll": False, "current": {}, "options": []},
    }
    return {
        "uid": f"tidegate-{policy.service}"[:40],
        "title": f"Tidegate: {policy.service} ({owner})",
        "description": f"Made from the policy of {policy.service} by `tidegate dashboard`. Owner: {owner}.",
        "tags": ["tidegate", policy.service, f"owner:{owner}"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": False,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": [variable]},
        "annotations": {"list": []},
        "links": [],
        "panels": _laid_out(panels(policy, dialect), source, dialect),
    }


def _laid_out(found: Sequence[Panel], source: dict[str, str], dialect: str) -> list[dict[str, Any]]:
    made = []
    for n, panel in enumerate(found):
        place = {"x": _HALF * (n % 2), "y": _HIGH * (n // 2), "w": _HALF, "h": _HIGH}
        made.append(
            {
                "id": n + 1,
                "title": panel.title,
                "description": panel.says,
                "type": "timeseries" if panel.graph else "table",
                "datasource": source,
                "gridPos": place,
                "fieldConfig": {"defaults": {"unit": panel.unit} if panel.unit else {}, "overrides": []},
                "options": {},
                "targets": [{"refId": "A", "datasource": source, **_target(panel, dialect)}],
            }
        )
    return made


def _target(panel: Panel, dialect: str) -> dict[str, Any]:
    if dialect == POSTGRES:
        form = "time_series" if panel.graph else "table"
        return {"rawSql": panel.sql, "rawQuery": True, "editorMode": "code", "format": form}
    form = "time series" if panel.graph else "table"
    return {"rawQueryText": panel.sql, "queryText": panel.sql, "queryType": form, "timeColumns": ["time"]}
