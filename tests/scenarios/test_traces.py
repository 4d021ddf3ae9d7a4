"""What a collector is told of operations that are really played on the memory estate."""

from __future__ import annotations

import dataclasses
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.collector import Collector, attributes, collecting
from tests.support.estate import Rig, build
from tests.support.operations import advance, open_promotion, promote, small_policy
from tidegate.engine.runner import drive
from tidegate.engine.telling import Teller, tell
from tidegate.engine.tracing import spans
from tidegate.engine.view import OperationView
from tidegate.journal.model import EventKind
from tidegate.model.operation import Outcome
from tidegate.telemetry.context import parse
from tidegate.telemetry.switch import Switch
from tidegate.telemetry.worker import Worker

OFF = Switch()


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        yield found


def told_rig(path: Path, endpoint: str, worker: Worker) -> Rig:
    teller = Teller(Switch(f"{endpoint}/v1/traces"), OFF, worker)
    rig = build(path, small_policy(), after_commit=lambda event: hasattr(teller, "journal") and teller.note(event))
    teller.journal = rig.world.journal
    return rig


def trace_id(rig: Rig, operation: str) -> str:
    (opening, *_) = rig.world.journal.events("shop", operation=operation)
    found = parse(opening.body["traceparent"])
    assert found is not None
    return found.trace_id


def whole(collector: Collector, rig: Rig, view: OperationView) -> None:
    """One trace; each stage and node of the plan once; every span hangs below the operation's."""
    assert collector.traces == {trace_id(rig, view.id)}
    assert Counter(collector.level("stage")) == Counter(stage.id for stage in view.plan.stages)
    assert Counter(collector.level("node")) == Counter(node.id for _, node in view.plan.nodes())
    ids = {span.span_id for span in collector.spans}
    assert len(ids) == len(collector.spans), "two spans share an id"
    (root,) = [span for span in collector.spans if not span.parent_span_id]
    assert all(span.parent_span_id in ids for span in collector.spans if span is not root)
    assert root.name == f"{view.kind.value} shop"
    assert all(root.start_time_unix_nano <= s.start_time_unix_nano <= s.end_time_unix_nano <= root.end_time_unix_nano
               for s in collector.spans)  # fmt: skip


def test_a_promotion_is_one_trace(tmp_path: Path, collector: Collector) -> None:
    worker = Worker()
    rig = told_rig(tmp_path, collector.endpoint, worker)
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.PROMOTED
    assert worker.flush(20)
    whole(collector, rig, view)
    taken = {attributes(s)["tidegate.node"]: s for s in collector.spans if "tidegate.node" in attributes(s)}
    verified = {n.id: view.node(n.id).at for _, n in view.plan.nodes() if view.verified(n.id)}
    for node, at in verified.items():
        assert taken[node].end_time_unix_nano == int(at * 1e9), f"{node} ends elsewhere in the journal"


def test_one_that_is_caught_says_where(tmp_path: Path, collector: Collector) -> None:
    worker = Worker()
    rig = told_rig(tmp_path, collector.endpoint, worker)
    rig.users.error_rate["1.1.0"] = {"checkout": 0.4}
    view = promote(rig, "1.1.0")
    assert view.outcome is Outcome.ROLLED_BACK
    assert worker.flush(20)
    whole(collector, rig, view)
    (root,) = [span for span in collector.spans if not span.parent_span_id]
    assert root.status.code == 2 and root.status.message.startswith("rolled_back: ")
    returned = {attributes(s)["tidegate.stage"]: attributes(s)["tidegate.reached"] for s in collector.spans
                if "tidegate.stage" in attributes(s)}  # fmt: skip
    assert returned["return"] is True and returned["certify"] is False


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9])
def test_a_process_that_dies_leaves_no_stage_out(tmp_path: Path, collector: Collector, part: float) -> None:
    """The first process dies with spans unsent; the one that carries on, as a terminal does, sends them."""
    rig = build(tmp_path, small_policy())  # nothing of what it writes is told: it died before
    view = open_promotion(rig, "1.1.0")
    nodes = [node.id for stage, node in view.plan.nodes() if stage.phase.value == "forward"]
    advance(rig, view, nodes[int(part * len(nodes))])
    worker = Worker()
    teller = Teller(Switch(f"{collector.endpoint}/v1/traces"), OFF, worker)
    teller.journal = rig.world.journal
    rig.world.journal._after_commit = teller.note
    done = drive(rig.world, view.id, actor="terminal")
    assert done.outcome is Outcome.PROMOTED
    assert worker.flush(20)
    whole(collector, rig, done)


def test_what_was_taken_is_not_sent_again(tmp_path: Path, collector: Collector) -> None:
    rig = build(tmp_path, small_policy())
    view, to = promote(rig, "1.1.0"), Switch(f"{collector.endpoint}/v1/traces")
    collector.refusing = True
    assert tell(rig.world.journal, "shop", view.id, to, OFF, Worker()) == 0
    collector.refusing = False
    sent = tell(rig.world.journal, "shop", view.id, to, OFF)
    assert sent == len(collector.spans) == len(spans(rig.world.journal.events("shop", operation=view.id)))
    assert tell(rig.world.journal, "shop", view.id, to, OFF) == 0
    whole(collector, rig, view)


def test_spans_never_change_once_they_are_over(tmp_path: Path) -> None:
    """So whatever is sent twice after a crash is the same span."""
    rig = build(tmp_path, small_policy())
    rig.users.error_rate["1.1.0"] = {"checkout": 0.4}
    view = promote(rig, "1.1.0")
    rows = rig.world.journal.events("shop", operation=view.id)
    seen: dict[str, Any] = {}
    for n in range(1, len(rows) + 1):
        now = {span.span_id: span for span in spans(rows[:n])}
        assert {key: now.get(key) for key in seen} == seen, f"row {n} ({rows[n - 1].kind}) rewrote a span"
        seen = now


def silent() -> Iterator[str]:
    """Takes connections and never answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize("where", ["http://127.0.0.1:9", "silent"])
def test_no_collector_is_nobodys_trouble(tmp_path: Path, where: str, caplog: pytest.LogCaptureFixture) -> None:
    opened = silent()
    endpoint = next(opened) if where == "silent" else where
    worker = Worker()
    begun = time.monotonic()
    undisturbed = promote(build(tmp_path / "off", small_policy()), "1.1.0")
    alone = time.monotonic() - begun
    rig = told_rig(tmp_path / "on", endpoint, worker)
    begun = time.monotonic()
    view = promote(rig, "1.1.0")
    assert view.outcome is undisturbed.outcome is Outcome.PROMOTED
    assert time.monotonic() - begun < alone * 3 + 60
    begun = time.monotonic()
    worker.flush(1.0)
    assert time.monotonic() - begun < 30.0
    assert worker.flush(30)
    assert worker.failed >= 1
    assert sum("telemetry is not delivered" in record.message for record in caplog.records) == 1
    opened.close()


@pytest.mark.parametrize("errors", [0.0, 0.4], ids=["promoted", "rolled-back"])
def test_a_span_that_is_over_never_changes(tmp_path: Path, errors: float) -> None:
    """A collector that has it is not asked to forget it: whatever rows come after, it is the same span."""
    rig = build(tmp_path, small_policy())
    rig.users.error_rate["1.1.0"] = {"checkout": errors}
    rows = rig.world.journal.events("shop", operation=promote(rig, "1.1.0").id)
    told: dict[str, Any] = {}
    for count in range(1, len(rows) + 1):
        for span in spans(rows[:count]):
            assert told.setdefault(span.span_id, span) == span
    assert len(told) > 10


def test_what_is_looked_at_again_after_its_end_changes_no_span(tmp_path: Path) -> None:
    """As when somebody clears a task that was done already."""
    rig = build(tmp_path, small_policy())
    rows = rig.world.journal.events("shop", operation=promote(rig, "1.1.0").id)
    at = next(i for i, row in enumerate(rows) if row.kind is EventKind.STEP_VERIFIED)
    before = {span.span_id: span for span in spans(rows[: at + 1])}
    again = dataclasses.replace(rows[at], at=rows[at].at + 5.0, actor="somebody-else")
    assert {span.span_id: span for span in spans([*rows[: at + 1], again])} == before
    assert before
