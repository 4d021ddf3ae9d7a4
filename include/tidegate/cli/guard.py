"""``tidegate guard``: the standing guard without Airflow."""

from __future__ import annotations

import logging
import signal
import threading
from typing import Annotated

import typer

from tidegate.cli.service import find_world


def register(app: typer.Typer) -> None:
    app.command("guard")(guard)


def guard(service: Annotated[str, typer.Argument(help="The service's name, as in its policy.")]) -> None:
    """Watch one service until Ctrl-C: judge open promotions and stop the loss. Airflow's triggerer does this too."""
    from tidegate.guard import sync_watch
    from tidegate.guard.dependency_watch import DependencyWatch
    from tidegate.guard.region_watch import RegionWatch, standing_eyes
    from tidegate.guard.replication_watch import keep_looking
    from tidegate.guard.watch import Watch

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"guarding {service}; Ctrl-C ends it")
    world = find_world(service)
    sync_watch.start(world, stop)
    keep_looking(world, stop)
    DependencyWatch(world).start(stop)
    Watch(world, regions=RegionWatch(world, standing_eyes(world, stop))).run(stop)
