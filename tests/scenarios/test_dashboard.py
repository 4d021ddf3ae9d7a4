"""A dashboard's panels show what is journalled: their queries are run on the journal of a played promotion."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.support.estate import ROOT, Rig, build
from tests.support.operations import promote, small_policy
from tidegate.cli import main
from tidegate.cli.exit_codes import ExitCode
from tidegate.engine.budget import ROWS, day_of
from tidegate.journal.model import EventKind
from tidegate.policy.load import load_policy
from tidegate.report.dashboard import dashboard


def shown(rig: Rig, panel: str) -> list[dict[str, Any]]:
    """What Grafana would draw: the query of the panel, of this name, with the time's range filled in."""
    made = dashboard(rig.world.policy, "sqlite")
    (target,) = next(p for p in made["panels"] if p["title"] == panel)["targets"]
    now = rig.clock.now()
    sql = (
        target["queryText"]
        .replace("$__from", str(int((now - 7200) * 1000)))
        .replace("$__to", str(int((now + 1) * 1000)))
    )
    connection = sqlite3.connect(rig.world.journal.file)
    connection.row_factory = sqlite3.Row
    return [dict(row) for row in connection.execute(sql)]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Rig:
    rig = build(tmp_path_factory.mktemp("played"), small_policy())
    promote(rig, "1.1.0")
    return rig


def test_figures_equal_the_journalled_evidence(played: Rig) -> None:
    rows = played.world.journal.events("shop")
    judged = {EventKind.GATE_OPENED, EventKind.GATE_FAILED}
    gates = [r for r in rows if r.kind in judged and r.body.get("evidence")]
    assert [(r["gate"], r["verdict"], r["why"]) for r in shown(played, "Gates' verdicts")] == [
        (r.body["node"], r.body["evidence"]["verdict"], r.body["detail"]) for r in gates
    ]
    assert len(gates) > 5
    splits = [r for r in rows if r.kind is EventKind.STEP_VERIFIED and r.body.get("facts", {}).get("split")]
    assert [(r["time"], r["split"]) for r in shown(played, "Weights that were written")] == [
        (r.at, r.body["facts"]["split"]) for r in splits
    ]
    assert len(splits) >= 3


def test_users_figures_are_the_guards_history(played: Rig) -> None:
    (operation,) = {e.operation for e in played.world.journal.events("shop", kinds={EventKind.OPERATION_CLOSED})
                    if played.world.journal.evidence("shop", str(e.operation), "history")}  # fmt: skip
    document = played.world.journal.evidence("shop", str(operation), "history")
    assert document is not None
    met = [(p["at"], arm, figures) for p in document["points"] for arm, figures in sorted(p["arms"].items())]
    assert [(r["time"], r["metric"], r["value"]) for r in shown(played, "Latency p99 by arm")] == [
        (at, arm, figures[3]) for at, arm, figures in met
    ]
    assert [r["value"] for r in shown(played, "Errors by arm")] == [100.0 * f[1] / f[0] for _, _, f in met]
    weights = [(p["at"], r, w / 100) for p in document["points"] for r, w in sorted(p["weights"].items())]
    assert [(r["time"], r["metric"], r["value"]) for r in shown(played, "Candidate's weight by region")] == weights
    assert met and weights


def test_durations_budget_and_objectives(played: Rig) -> None:
    rows = played.world.journal.events("shop")
    begun = {r.body["node"]: r.at for r in reversed(rows) if r.kind is EventKind.STEP_INTENDED}
    ended = {r.body["node"]: r.at for r in rows if r.kind is EventKind.STEP_VERIFIED}
    wanted = {node: ended[node] - at for node, at in begun.items() if node in ended}
    found = shown(played, "Durations beside earlier runs")
    assert {r["node"]: r["seconds"] for r in found if r["node"] in wanted} == pytest.approx(wanted)
    assert all(r["node"].startswith(f"{r['stage']}.") and r["before"] is None for r in found)
    hour = int(played.clock.now() // 3600)
    counted = {"version": 1, "until": played.clock.now(), "hours": {str(hour): [2000, 4, 60.0]}}
    played.world.journal.put_evidence("shop", ROWS, day_of(played.clock.now()), counted)
    allowed = 1 - float(played.world.policy.objectives.availability)
    assert [r["value"] for r in shown(played, "Error budget burn")] == pytest.approx([0.002 / allowed])
    measured = {"kind": "failover", "gone": 12.5, "rto_target": 60.0, "rpo_target": 0.0, "loss": {"seconds": 0.5}}
    with played.world.journal.locked("shop") as txn:
        txn.append(EventKind.OBJECTIVES_MEASURED, measured, actor="test", operation="shop/failover/x")
    (one,) = shown(played, "RTO and RPO")
    assert (one["rto"], one["rto_target"], one["rpo"], one["rpo_target"]) == (12.5, 60.0, 0.5, 0.0)


def test_the_owner_stands_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    out = tmp_path / "shop.json"
    assert main(["dashboard", "shop", "--sql", "postgres", "--out", str(out)]) == ExitCode.OK
    made = json.loads(out.read_text())
    owner = load_policy(ROOT / "dags" / "policies" / "shop.yaml").policy.owners.dashboard
    assert owner in made["title"] and f"owner:{owner}" in made["tags"]
    assert len({p["id"] for p in made["panels"]}) == len(made["panels"]) == 8
    assert all(t["rawSql"] for p in made["panels"] for t in p["targets"])
    assert main(["dashboard", "shop", "--out", str(tmp_path / "x.yaml")]) == ExitCode.REFUSED
