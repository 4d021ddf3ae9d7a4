"""``tidegate vantage``: another pair of eyes on the regions, in a place of its own."""

from __future__ import annotations

import logging
import re
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from tidegate.cli.service import find_world
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError

if TYPE_CHECKING:
    from tidegate.guard.probing import Eyes

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def register(app: typer.Typer) -> None:
    app.command("vantage")(vantage)


def vantage(
    service: Annotated[str, typer.Argument(help="The service's name, as in its policy.")],
    name: Annotated[str, typer.Option("--name", help="Of this vantage point; each one has its own.")],
) -> None:
    """Look at one service's regions until Ctrl-C, and leave in the journal what is seen: the guard counts the votes.

    It changes nothing. Run it where it shares as little as possible with the guard: no rack, no switch, no provider.
    """
    from tidegate.guard.probing import GUARD_POINT
    from tidegate.guard.region_watch import standing_eyes

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    if name == GUARD_POINT or not _NAME.fullmatch(name):
        raise Refused(f"{name!r} is no name for a vantage point", next_step="small letters, digits and -; not 'guard'")
    world, stop = find_world(service), threading.Event()
    eyes = standing_eyes(world, stop)
    if eyes is None:
        raise Refused(
            f"the policy of {service} has no failover, so nothing is decided about its regions",
            next_step="add failover: {approval: {from: […], quorum: 2, within: 15m}} and look: tidegate lint",
        )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"looking at the regions of {service} as {name}; Ctrl-C ends it")
    look(world, eyes, name, stop)


def look(world: World, eyes: Eyes, name: str, stop: threading.Event) -> None:
    """Until ``stop`` is set. A journal that is away for a while is said once, and tried again."""
    from tidegate.engine.region_loss import rule_of
    from tidegate.guard.probing import publish

    rule, said = rule_of(world.policy), ""
    while not stop.is_set():
        try:
            publish(world.journal, world.service, eyes.sight(name), rule.stale_after)
            said = ""
        except TidegateError as error:
            if str(error) != said:
                log.error("vantage point %s: %s", name, error)
            said = str(error)
        stop.wait(rule.every)
