"""The regions are cut from each other for a while, and from nobody else: nothing may be promoted, nothing lost."""

from __future__ import annotations

import time
from typing import Any

from lab.airflow_api import await_value
from lab.links import LinkControl
from lab.places import REGIONS
from lab.ports import LINKS
from lab.progress import Progress
from lab.story import measure
from lab.story.desk import Desk
from lab.story.scenario import Expectation, Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.verdict import complaints
from lab.story.writer_probe import WriterProbe
from tidegate.errors import NotSettled
from tidegate.journal.model import EventKind

LASTS = 60.0  # seconds: that long is what is to be survived, not a wait for something
CAUGHT_UP_WITHIN = 60.0
PROTECTED_WITHIN = 300.0
UNMOVED = "unmoved"
PROTECT = Scenario(
    "protect", "writes wait for the standby", "reprotect", {"reason": "set up"}, Expectation("reprotected", "")
)


def protect(stage: Stage, progress: Progress) -> None:
    """Reprotect: from now on it is on record that writes wait for the standby."""
    desk = Desk(stage.lab, stage.load_dir.parent / "desk", progress, "cat")
    if desk.ask(PROTECT, "protect").wait(PROTECTED_WITHIN) != 0:
        raise NotSettled(f"the service is not protected: {desk.said('protect')}")


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: what users saw from the cut until the standby has caught up."""
    protect(stage, progress)
    before, since = stage.journal.head(SERVICE).seq, time.time()
    with WriterProbe(stage) as probe:
        _links(stage, cut=True)
        progress.say(f"  the regions do not reach each other for {LASTS:.0f} s")
        try:
            _let_pass(stage, LASTS)
        finally:
            _links(stage, cut=False)
        joined = time.time()
        await_value(lambda: _caught_up(stage) or None, CAUGHT_UP_WITHIN, "the standby has not caught up")
    caught_up = round(time.time() - joined, 2)
    progress.say(f"  joined again; the standby has everything after {caught_up:g} s")
    opened = _opened(stage, before)
    ran = measure.Ran("", "", "", since, time.time(), {})
    row: dict[str, Any] = {
        "name": scenario.name,
        "title": scenario.title,
        "expected": scenario.expected,
        "outcome": ", ".join(opened) or UNMOVED,
        "rung": None,
        "operation": None,
        "reason": None,
        **measure.users(stage, ran),
        "writers": stage.writers(),
        "checks": measure.checks(()) | {"gate_seconds": None},
        "seconds": dict.fromkeys(("first_bad_to_verdict", "verdict_to_safe", "in_airflow", "in_effects"))
        | {"total": round(ran.until - since, 1), "caught_up": caught_up},
        "effects": measure.effects(stage, None),
        "schema": {"differs": [], "revision": None},
        "dag_runs": [],
        "exit_codes": {"first": scenario.expect.exit_code, "again": (scenario.expect.exit_code, None)},
        "timeline": [],
        "writer_probe": probe.told(),
    }
    wrong = complaints(scenario, row, None, [])
    return {**row, "ok": not wrong, "why": "; ".join(wrong) or "as expected"}


def _links(stage: Stage, *, cut: bool) -> None:
    for link in LINKS:
        LinkControl(stage.lab.site().ports["links"]).set(link, cut=cut)


def _let_pass(stage: Stage, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        stage.load_goes_on()
        time.sleep(0.5)


def _caught_up(stage: Stage) -> bool:
    """Whether the standby holds all that the primary had a moment before."""
    import psycopg

    databases, secrets = stage.lab.databases(), stage.lab.site().secrets
    urls = [databases.cluster(r).url(secrets, "postgres").replace("+psycopg", "", 1) for r in REGIONS]
    with psycopg.connect(urls[0]) as primary:
        wanted = primary.execute("select pg_current_wal_flush_lsn()::text").fetchone()
    with psycopg.connect(urls[1]) as standby:
        found = standby.execute("select pg_last_wal_replay_lsn() >= %s::pg_lsn", wanted).fetchone()
    return found == (True,)


def _opened(stage: Stage, before: int) -> list[str]:
    """Operations that anybody has opened since."""
    opened = stage.journal.events(SERVICE, kinds={EventKind.OPERATION_OPENED})
    return [str(event.body["kind"]) for event in opened if event.seq > before]
