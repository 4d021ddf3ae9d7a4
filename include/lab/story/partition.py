"""The regions are cut from each other for a while, and from nobody else: nothing may be promoted, nothing lost."""

from __future__ import annotations

import time
from typing import Any

from lab.airflow_api import await_value
from lab.links import LinkControl
from lab.places import REGIONS
from lab.ports import LINKS
from lab.progress import Progress
from lab.story import unasked
from lab.story.scenario import Scenario
from lab.story.stage import SERVICE, Stage
from lab.story.writer_probe import WriterProbe

LASTS = 60.0  # seconds: that long is what is to be survived, not a wait for something
CAUGHT_UP_WITHIN = 60.0


def play(stage: Stage, scenario: Scenario, progress: Progress) -> dict[str, Any]:
    """The scenario's row in the report: what users saw from the cut until the standby has caught up."""
    unasked.protect(stage, progress)
    before, since = stage.journal.head(SERVICE).seq, time.time()
    with WriterProbe(stage) as probe:
        _links(stage, cut=True)
        progress.say(f"  the regions do not reach each other for {LASTS:.0f} s")
        try:
            stage.let_pass(LASTS)
        finally:
            _links(stage, cut=False)
        joined = time.time()
        await_value(lambda: _caught_up(stage) or None, CAUGHT_UP_WITHIN, "the standby has not caught up")
    caught_up = round(time.time() - joined, 2)
    progress.say(f"  joined again; the standby has everything after {caught_up:g} s")
    opened = unasked.opened_since(stage, before)
    return unasked.row(stage, scenario, (since, time.time()), probe.told(), {"caught_up": caught_up}, None, opened)


def _links(stage: Stage, *, cut: bool) -> None:
    for link in LINKS:
        LinkControl(stage.lab.site().ports["links"]).set(link, cut=cut)


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
