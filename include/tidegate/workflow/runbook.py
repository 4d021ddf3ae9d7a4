"""A DAG's documentation: the runbook of its plan, and what to do about a red task in Airflow. A DAG is parsed without
the journal, so what each step took before stands in ``tidegate runbook`` only."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.plan.model import Plan
from tidegate.policy.load import Loaded
from tidegate.report import runbook as by_kind
from tidegate.report.runbook_text import without_notes

_RED = """
## When a task is red

1. Open its log: it says whether anything changed, and what to do next.
2. The link **Tidegate report** on the task shows the whole operation.
3. Clear the task (with its downstream tasks) to have it look, and try, again. What is done already is not done twice.
4. Marking a task green does nothing: each task asks the journal whether the one before it was verified. An approval
   that is marked green approves nothing.
5. Without Airflow: the commands above. What each step took before, and people's notes: `tidegate runbook {service}`.
"""


def runbook(loaded: Loaded, plan: Plan) -> str:
    """Markdown."""
    text = without_notes(by_kind.runbook(loaded.policy, plan, None, 0.0))
    return "\n".join([*_stale(loaded), text]) + _RED.format(service=loaded.policy.service)


def _stale(loaded: Loaded) -> Iterator[str]:
    if loaded.stale:
        broken = str(loaded.error).replace("`", "'").replace("\n", " ")
        yield f"**The policy file is broken; this is its last good state.** `{broken}`\n"
