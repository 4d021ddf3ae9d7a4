"""``tidegate preview open | withdraw | show``: a release for those alone who send a header. From this terminal."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Annotated

import typer

from tidegate.cli import carrying
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.requests import RequestId, Service
from tidegate.cli.service import find_policy, find_world
from tidegate.engine import preview_arm
from tidegate.engine.open import Request
from tidegate.engine.view import OperationView
from tidegate.engine.world import World
from tidegate.model.operation import OperationKind
from tidegate.plan.preview_arm import preview_plan, withdrawal_plan

app = typer.Typer(help="A release for those alone who send a header; no share of the traffic.", no_args_is_help=True)
Begin = Callable[[World, Request, str], OperationView | None]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="preview")


@app.command("open")
def open_(
    service: Service,
    version: Annotated[str, typer.Argument(help="The release to show, published and signed as any other.")],
    by: By,
    reason: Reason,
    request_id: RequestId = None,
) -> None:
    """Run a release beside those that serve, and lead those to it who send its version in the policy's header.

    Whatever else is under way goes on. Broken off, the same command again goes on where it stood.
    """
    found = find_policy(service)
    plan = preview_plan(found.policy, found.digest)
    request = Request(OperationKind.PREVIEW, request_id or str(uuid.uuid4()), by, reason, version)
    _carry(service, request, lambda world, asked, who: preview_arm.open_preview(world, asked, plan, actor=who))


@app.command("withdraw")
def withdraw(service: Service, by: By, reason: Reason, request_id: RequestId = None) -> None:
    """Take the preview away, also one that is only being opened; nothing else is touched."""
    found = find_policy(service)
    plan = withdrawal_plan(found.policy, found.digest)
    request = Request(OperationKind.WITHDRAWAL, request_id or str(uuid.uuid4()), by, reason)
    _carry(service, request, lambda world, asked, who: preview_arm.withdraw_preview(world, asked, plan, actor=who))


@app.command("show")
def show(
    service: Service, as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False
) -> None:
    """What the journal has as open, and what the router itself leads where. Changes nothing."""
    from tidegate.drivers.traffic.contract import PreviewingTraffic

    world = find_world(service)
    open_, traffic = preview_arm.shown(world.journal, service), world.estate.traffic
    route = traffic.observe_preview().route if isinstance(traffic, PreviewingTraffic) else None
    if as_json:
        typer.echo(json.dumps({"open": vars(open_) if open_ else None, "router": str(route) if route else None}))
        return
    typer.echo(f"{service}: {open_ or 'no preview is open'}")
    typer.echo(
        f"the router leads: {f'{route.header}: {route.value} to {route.arm}' if route else 'no header anywhere'}"
    )


def _carry(service: str, request: Request, begin: Begin) -> None:
    """Exits with how it ended."""
    world, who = find_world(service), actor(request.requester)
    view = begin(world, request, who)
    if view is None:
        typer.echo(f"{service}: no preview is open; nothing was changed")
        return
    typer.echo(f"{view.id}: {view.kind.value} of {view.binding.candidate_version} in {view.binding.preview}")
    raise typer.Exit(carrying.carry(preview_arm.of_previews(world), view, who))
