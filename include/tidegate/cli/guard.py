"""``tidegate guard``: the standing guard without Airflow."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from tidegate.cli.service import find_world
from tidegate.telemetry import logs


def register(app: typer.Typer) -> None:
    app.command("guard")(guard)


def guard(service: Annotated[str, typer.Argument(help="The service's name, as in its policy.")]) -> None:
    """Watch one service until Ctrl-C: judge open promotions and stop the loss. Airflow's triggerer does this too."""
    from tidegate.guard.standing import stand_guard

    logs.begin()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"guarding {service}; Ctrl-C ends it")
    stand_guard(find_world(service), stop)
