"""Did a scenario end as it should? Pure: from its measured row and the operation's view to a list of complaints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lab.deployment import sample_policy
from lab.story import messages, stale_asset, turned_away
from lab.story.scenario import AS_BEFORE, Disturbance, Scenario
from lab.story.variants import DEGRADED
from tidegate.engine.ladder import debts
from tidegate.engine.view import OperationView
from tidegate.model.ladder import Rung
from tidegate.model.traffic import Split

LEAST_RPS = 50
LEAST_SESSIONS = 100
TAKEN_OVER_WITHIN = 60.0  # seconds from the command until the operation has ended
SAFE_WITHIN = 1.0  # seconds from verdict to no candidate traffic


def complaints(
    scenario: Scenario, row: Mapping[str, Any], view: OperationView | None, routes: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Everything that is not as expected, in words with both values. Empty: the scenario is ok."""
    found = [
        *_ending(scenario, row, view),
        *_users(scenario, row),
        *_writers(scenario, row),
        *_load(scenario, row),
        *_effects(scenario, row),
    ]
    found += [*_exit_codes(scenario, row), *_schema(scenario, row), *_data(scenario, row), *_taken_over(scenario, row)]
    found += [*_turned_away(scenario, row), *_stale_asset(scenario, row)]
    if view is not None:
        found += [
            *_verdict(scenario, row, view),
            *_way_back(scenario, row, view, routes),
            *_unasked(scenario, row, view),
        ]
    return found


def _ending(scenario: Scenario, row: Mapping[str, Any], view: OperationView | None) -> Iterator[str]:
    expect = scenario.expect
    outcome = row["outcome"]
    if outcome != expect.outcome:
        yield f"outcome: expected {expect.outcome}, got {outcome}"
    if row["rung"] != expect.rung:
        yield f"rung: expected {expect.rung}, got {row['rung']}"
    for run in row["dag_runs"]:
        if run["state"] != expect.run_state:
            yield f"{run['dag_id']}: expected {expect.run_state}, got {run['state']}"
    if expect.refused_because and view and expect.refused_because not in view.why_back + str(view.failures):
        yield f"the journal does not say {expect.refused_because!r}: {view.why_back}"


def _exit_codes(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    """Of the command that asked, and of the same request once more, which must name the same operation."""
    codes, wanted = row["exit_codes"], scenario.expect.exit_code
    if codes is None:
        return  # nobody asked
    if wanted is not None and codes["first"] != wanted:
        yield f"exit code: expected {wanted}, got {codes['first']}"
    code, operation = codes["again"]
    opened = row["operation"]  # None: refused before one was opened; then the command names the id it would have had
    if scenario.expect.exit_code_again is not None or wanted is None:
        wanted = scenario.expect.exit_code_again or 0
    if code != wanted or (opened is not None and operation != opened):
        yield f"the same request again: expected {wanted} and {row['operation']}, got {codes['again']}"


def _schema(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    wanted, found = scenario.expect.schema, row["schema"]
    if wanted == AS_BEFORE and found["differs"]:
        yield f"the schema is not as before: {'; '.join(found['differs'])}"
    if wanted not in (None, AS_BEFORE, found["revision"]):
        yield f"the schema: expected at {wanted}, got {found['revision']}"


def _users(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    if row["orders_lost"] is None or row["orders_lost"] > scenario.expect.most_lost:
        yield f"orders lost: expected {scenario.expect.most_lost} at most, got {row['orders_lost']}"
    if scenario.expect.writer and row["writers"] != [scenario.expect.writer]:
        yield f"takes writes: expected {scenario.expect.writer} alone, got {row['writers']}"
    broken, most = row["sessions_broken"], scenario.expect.most_broken
    if broken is None or broken > most:
        yield f"sessions broken: expected {most} at most, got {broken}"
    if scenario.expect.clean and row["failed_requests"] != 0:
        yield f"failed requests: expected 0, got {row['failed_requests']}"
    yield from messages.complaints(row.get("messages"), scenario.expect.most_lost)


def _writers(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    """One writer at every probe: it is handed over once at most, and never back."""
    probe, expect, back = row.get("writer_probe"), scenario.expect, row["seconds"].get("until_orders")
    if expect.back_within is not None and (back is None or back > expect.back_within):
        yield f"orders taken again: expected within {expect.back_within} s, got {back}"
    if probe is not None and (probe["handed_over"] > 1 or not probe["asked"]):
        yield f"takes writes: expected one region after the other, got {probe}"
    tried = row.get("old_primary")
    if tried is not None and (tried == "RUNNING" or not probe or probe["taken_by"] != [expect.writer]):
        yield f"the old primary: expected to stay off and to take no write, got {tried}, {probe}"
    if expect.interrupted != row.get("interrupted"):
        yield f"the promotion that was under way: expected {expect.interrupted}, got {row.get('interrupted')}"
    ledger = row.get("ledger")
    if expect.ledger and (not ledger or not ledger["acknowledged_lost"] or ledger["not_in_ledger"]):
        yield f"ledger: expected every acknowledged order that was lost, and some, got {ledger}"


def _load(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    load = row["load"]
    if scenario.expect.outage:
        return
    least = load["requests_per_second_least"]
    if row["seconds"]["total"] >= 10 and (least is None or least < LEAST_RPS):
        yield f"load: expected at least {LEAST_RPS}/s throughout, got {least}"
    if load["sessions_least"] is None or load["sessions_least"] < LEAST_SESSIONS:
        yield f"load: expected at least {LEAST_SESSIONS} sessions throughout, got {load['sessions_least']}"


def _effects(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    effects = row["effects"]
    if effects["twice"]:
        yield f"effects done twice: expected 0, got {effects['twice']}"
    if scenario.expect.traffic_stays and (effects["route_writes"] or effects["slot_changes"]):
        yield f"expected traffic and slots to stay as they are, got {effects}"
    if scenario.expect.untouched and (effects["route_writes"] or effects["slot_changes"]):
        yield f"expected no effect at all, got {effects}"


def _unasked(scenario: Scenario, row: Mapping[str, Any], view: OperationView) -> Iterator[str]:
    region = scenario.expect.unasked
    if region is None:
        return
    if region in row["effects"]["regions"]:
        yield f"slots changed: expected none in {region}, got {row['effects']['regions']}"
    if owed := debts(view):
        yield f"debts: expected none, got {owed}"


def _verdict(scenario: Scenario, row: Mapping[str, Any], view: OperationView) -> Iterator[str]:
    expect, safe = scenario.expect, row["seconds"]["verdict_to_safe"]
    if expect.signal and not view.why_back.startswith(f"{expect.signal}:"):
        yield f"expected the verdict by {expect.signal}, got: {view.why_back}"
    if expect.signal and (safe is None or safe > SAFE_WITHIN):
        yield f"verdict to safe: expected at most {SAFE_WITHIN} s, got {safe}"
    if expect.flag_back:
        yield from _flag_back(expect.flag_back, row, view)
    if expect.data_checked and (not row["checks"]["run"] or row["checks"]["failed"]):
        yield f"data checks: expected all of some to pass, got {row['checks']}"


def _flag_back(flag: str, row: Mapping[str, Any], view: OperationView) -> Iterator[str]:
    safe, after = row["seconds"]["verdict_to_safe"], row.get("after_stop", {})
    if (view.stopped_at, view.guilty) != (Rung.FLAGS, (flag,)):
        yield f"expected the ladder to stop at flags with {flag} alone, got {view.stopped_at}, {view.guilty}"
    if safe is None or safe > SAFE_WITHIN:
        yield f"verdict to safe: expected at most {SAFE_WITHIN} s, got {safe}"
    for what in ("route_writes", "slot_changes", "failed_requests"):
        if after.get(what) != 0:
            yield f"{what} after it was safe: expected 0, got {after.get(what)}"


def _taken_over(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    if scenario.disturbance not in (Disturbance.AIRFLOW_LOST, Disturbance.WORKER_FROZEN):
        return
    took = row.get("taken_over", {"resume_seconds": None, "late_rows": []})
    if took["resume_seconds"] is None or took["resume_seconds"] > TAKEN_OVER_WITHIN:
        yield f"carried on from a terminal: expected within {TAKEN_OVER_WITHIN} s, got {took['resume_seconds']}"
    if took["late_rows"]:
        yield f"whoever was superseded: expected to write nothing, got {took['late_rows']}"


def _turned_away(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    if scenario.disturbance is Disturbance.SECOND_REGION_SMALL:
        promised = sample_policy().objectives
        found = row.get("turned_away")
        yield from turned_away.complaints(found, promised.availability, promised.latency_p99, DEGRADED)


def _stale_asset(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    if scenario.disturbance is Disturbance.ASSET_STALE:
        yield from stale_asset.complaints(row.get("stale_asset"))


def _data(scenario: Scenario, row: Mapping[str, Any]) -> Iterator[str]:
    expect, checks = scenario.expect, row["checks"]
    if expect.found_by and expect.found_by not in (checks["violated"] or ()):
        yield f"expected {expect.found_by} to be violated, got: {checks['violated']}"
    if expect.found_by and checks["failed_last"] != 0:
        yield f"data checks: expected the last run to pass, got {checks}"


def _way_back(
    scenario: Scenario, row: Mapping[str, Any], view: OperationView, routes: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    expect = scenario.expect
    weights = [candidate_share(view, Split.parse(r["split"])) for r in routes]
    falling = [i for i in range(1, len(weights)) if weights[i] < weights[i - 1]]
    steps = len(falling) if view.kind == "promotion" else sum(w < 10_000 for w in weights)
    if expect.writes_to_zero is not None and (steps != expect.writes_to_zero or weights[-1:] != [0]):
        yield f"expected {expect.writes_to_zero} write(s) to zero, got weights {weights}"
    if expect.steps_back is not None and steps < expect.steps_back:
        yield f"expected at least {expect.steps_back} steps back, got weights {weights}"
    if expect.within_limit:
        yield from _over_limit(row)


def candidate_share(view: OperationView, split: Split) -> int:
    """Basis points of all traffic on the candidate's arms."""
    return sum(weight for arm, weight in split.weights if arm.slot is view.binding.candidate_slot)


def _over_limit(row: Mapping[str, Any]) -> Iterator[str]:
    peak, limit = row["peak_per_target"], row["limit_per_target"]
    if peak is None or peak > limit:
        yield f"requests per second on one target: expected at most {limit}, got {peak}"
