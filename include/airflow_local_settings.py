"""Airflow imports this module by its name in every process, if it is on the path.

The parent of the task processes (the scheduler with LocalExecutor, a Celery worker) is given
``TIDEGATE_PRELOAD_CHECKS=1``: it imports Great Expectations and the DAGs' own modules once, and every task inherits
them by fork. Nobody else pays for it.
"""

from __future__ import annotations

from tidegate.checks.preload import preload_if_asked

if preload_if_asked():
    import tidegate.workflow.factory  # noqa: F401  # half a second of each task otherwise
