"""Airflow imports this module by its name in every process, if it is on the path.

The parent of the task processes (the scheduler with LocalExecutor, a Celery worker) is given
``TIDEGATE_PRELOAD_CHECKS=1``: it imports Great Expectations once, and every task inherits it by fork.
"""

from __future__ import annotations

from tidegate.checks.preload import preload_if_asked

preload_if_asked()
