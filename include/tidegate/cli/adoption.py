"""``tidegate adopt | approve``: what runs today becomes the first baseline, by two people."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli import approving
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_world
from tidegate.engine.adoption import approve_adoption, ask_adoption
from tidegate.errors import Refused

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
    service: Annotated[str, typer.Argument(metavar="SERVICE|OPERATION", help="The service, for `adopt`; or an id.")],
    by: By,
    operation: Annotated[str | None, typer.Argument(help="The request's id, which `tidegate adopt` prints.")] = None,
    sign: Annotated[Path | None, typer.Option("--sign", help="Your private key: a file NAME.pem.")] = None,
    node: Annotated[str | None, typer.Option("--node", help="Which question; left out: the open one.")] = None,
) -> None:
    """Say yes. To an open operation by signature, without Airflow: OPERATION alone prints what it asks, --sign answers.

    Of another's request to adopt: SERVICE and the request's id, once what runs has been looked at again.
    """
    if operation is None:
        return approving.approve_by_signature(service, sign, node)
    if sign is not None:
        raise Refused("an adoption is approved by name", next_step=f"tidegate approve {service} {operation} --by NAME")
    release = approve_adoption(find_world(service), operation, person=by, actor=actor(by))
    typer.echo(f"{service}: {release.version} ({release.digest}) is the first baseline, approved by {by}")


def _answer(service: str, operation: str) -> str:
    return f"tidegate approve {service} {operation} --by NAME"
