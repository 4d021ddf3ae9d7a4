"""Guards of what is told to a collector: part of :data:`tests.safety.guards.GUARDS`."""

from __future__ import annotations

from tests.safety.guard import Guard

_TRACES, _UNIT = "scenarios/test_traces.py", "unit/telemetry/test_telemetry.py"


def _guard(name: str, file: str, old: str, new: str, test: str) -> Guard:
    return Guard(f"telemetry: {name}", 0, file, old, new, (test,))


TELEMETRY_GUARDS: tuple[Guard, ...] = (
    _guard(
        "a full queue is never waited for",
        "telemetry/worker.py",
        "except queue.Full:\n            self.dropped += 1\n            return False",
        "except queue.Full:\n            self._queue.put(job)",
        f"{_UNIT}::test_a_full_queue_drops_and_never_waits",
    ),
    _guard(
        "what was taken is not sent again",
        "engine/telling.py",
        "if span.span_id not in told]",
        "if True]",
        f"{_TRACES}::test_what_was_taken_is_not_sent_again",
    ),
    _guard(
        "what was not taken is not noted as taken",
        "engine/telling.py",
        "if traces.endpoint and not export.send(new, traces):",
        "if traces.endpoint and export.send(new, traces) is None:",
        f"{_TRACES}::test_what_was_taken_is_not_sent_again",
    ),
    _guard(
        "a span that is over never changes",
        "engine/tracing.py",
        "            if course.end is None:\n                _note(course, row, settled)",
        "            _note(course, row, settled)",
        f"{_TRACES}::test_what_is_looked_at_again_after_its_end_changes_no_span",
    ),
)
