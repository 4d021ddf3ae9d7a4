"""Is this container's service well? Exit code 0 or 1, with the reason on standard output. Standard library and psycopg
only: Airflow's own commands take seconds of CPU to start, each time.

``health.py api``        the API server answers, reaches its database, and its tasks' API is warm
``health.py job NAME``   the component of this container has beaten in the metadata database (SchedulerJob, …)
``health.py worker``     the Celery worker answers a ping through the broker
``health.py witness``    the witness has published its key, and the journal can be read
"""

from __future__ import annotations

import json
import os
import socket
import sys
import urllib.request
from pathlib import Path

BEATS_WITHIN = 30  # seconds
SECRETS = Path("/run/tidegate")


def api() -> str:
    """The first call of the tasks' API takes seconds: asking here spares the first task."""
    root = f"http://127.0.0.1:{os.environ.get('AIRFLOW__API__PORT', '8080')}"
    with urllib.request.urlopen(f"{root}/execution/health", timeout=20) as answer:  # noqa: S310  # always http
        answer.read()
    with urllib.request.urlopen(f"{root}/api/v2/monitor/health", timeout=10) as answer:  # noqa: S310
        found = json.loads(answer.read())["metadatabase"]["status"]
    return "" if found == "healthy" else f"the metadata database is {found}"


def job(name: str) -> str:
    """One row of Airflow's ``job`` table, by this container's host name."""
    query = (
        "select extract(epoch from now() - max(latest_heartbeat)) from job"
        " where job_type = %s and hostname = %s and state = 'running'"
    )
    age = ask(SECRETS / "airflow/metadata-url", query, (name, socket.gethostname()))
    if age is None:
        return f"no {name} of this container has ever beaten"
    return "" if float(str(age)) < BEATS_WITHIN else f"the last beat of {name} is {age} s old"


def worker() -> str:
    from celery import Celery

    me = f"celery@{socket.gethostname()}"
    app = Celery(broker=(SECRETS / "airflow/broker-url").read_text())
    answers = app.control.inspect(destination=[me], timeout=5).ping()
    return "" if answers and me in answers else f"{me} does not answer"


def witness() -> str:
    if not any(Path("/var/lib/tidegate-heads").iterdir()):
        return "the witness has published no key"
    ask(SECRETS / "witness/journal-url", "select count(*) from heads", ())
    return ""


def ask(url: Path, query: str, values: tuple[str, ...]) -> object:
    import psycopg

    address = url.read_text().replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(address, connect_timeout=5) as connection:
        row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None


def main() -> int:
    checks = {"api": api, "job": job, "worker": worker, "witness": witness}
    try:
        wrong = checks[sys.argv[1]](*sys.argv[2:])
    except Exception as error:  # whatever it is, it is not well
        wrong = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    print(wrong or "well")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
