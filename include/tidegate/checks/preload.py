"""Importing Great Expectations, once and quietly.

The import takes seconds of CPU and some 240 MB, so it never stands on the way of a recovery: the parent of Airflow's
task processes does it ahead of time (``TIDEGATE_PRELOAD_CHECKS=1``) and the tasks inherit it by fork; elsewhere a warm
process does (:mod:`tidegate.checks.warm`).
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

FLAG = "TIDEGATE_PRELOAD_CHECKS"


def import_quietly() -> Any:
    """The ``great_expectations`` module: no analytics, no information in the log, no second try of a failed statement
    (it would otherwise wait three times for the same time-out). Raises ImportError."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    os.environ.setdefault("TQDM_DISABLE", "1")
    import great_expectations as gx
    from great_expectations.validator import validation_graph

    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    validation_graph.MAX_METRIC_COMPUTATION_RETRIES = 1
    return gx


def preload() -> None:
    """Import all that a run needs, also what it would import lazily. Opens no connection and starts no thread that a
    fork could break. Raises ImportError."""
    from tidegate.checks.validation import new_context

    import_quietly()
    import great_expectations.expectations
    import psycopg
    import sqlalchemy.dialects.postgresql.psycopg

    new_context()
    # An engine that is never connected loads the dialect, and with it the rest of psycopg.
    sqlalchemy.create_engine("postgresql+psycopg://", poolclass=sqlalchemy.NullPool).dispose()
    assert psycopg and great_expectations.expectations


def preload_if_asked(environment: Mapping[str, str] = os.environ) -> bool:
    """Call from ``airflow_local_settings``: preloads if ``TIDEGATE_PRELOAD_CHECKS=1``.

    Without Great Expectations it says so and goes on, since every check will then be reported as not checked.
    """
    if environment.get(FLAG) != "1":
        return False
    try:
        preload()
    except ImportError as error:
        logging.getLogger(__name__).error("checks cannot be preloaded, and will not be made: %s", error)
        return False
    return True


def loaded() -> bool:
    """Whether a run in this process would be quick."""
    return "great_expectations" in sys.modules
