"""``tidegate adopt | approve``: what runs today becomes the first baseline, by two people."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_world
from tidegate.engine.adoption import approve_adoption, ask_adoption

Service = Annotated[str, typer.Argument(help="The service's name, as in its policy.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")]


def register(app: typer.Typer) -> None:
    app.command("adopt")(adopt)
    app.command("approve")(approve)


def adopt(
    service: Service,
    version: Annotated[str, typer.Argument(help="The release that runs today.")],
    by: By,
    reason: Reason,
    as_json: AsJson = False,
) -> None:
    """Ask for what runs today to become the first baseline. Looks, and writes the request down; another approves it."""
    asked = ask_adoption(find_world(service), version, person=by, reason=reason, actor=actor(by))
    if as_json:
        typer.echo(json.dumps(asked))
    elif asked is None:
        typer.echo(f"{service}: {version} is the baseline already; nothing to do")
    else:
        until = time.strftime("%Y-%m-%d %H:%M", time.localtime(asked["expires_at"]))
        people = ", ".join(asked["people"]) or "NAME"
        typer.echo(f"{service}: {version} ({asked['evidence']['release']['digest']}) runs; nothing is adopted yet")
        typer.echo(f"next: somebody else until {until} ({people}): {_answer(service, asked['operation'])}")


def approve(
    service: Service,
    operation: Annotated[str, typer.Argument(help="The request's id, which `tidegate adopt` prints.")],
    by: By,
) -> None:
    """Say yes to another's request to adopt, once what runs has been looked at again. Writes the journal only."""
    release = approve_adoption(find_world(service), operation, person=by, actor=actor(by))
    typer.echo(f"{service}: {release.version} ({release.digest}) is the first baseline, approved by {by}")


def _answer(service: str, operation: str) -> str:
    return f"tidegate approve {service} {operation} --by NAME"
