"""``tidegate dependencies``: the circuit breakers before what a service calls."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.service import find_policy, find_world
from tidegate.errors import Refused


def register(app: typer.Typer) -> None:
    app.command("dependencies")(dependencies)


def dependencies(
    service: Service,
    envoy: Annotated[bool, typer.Option("--envoy", help="Print what Envoy has to be given, as JSON.")] = False,
    as_json: AsJson = False,
) -> None:
    """Which breakers are open, what it means for users, and what to do. Exits with 4 if something is to be done.

    Asks the router, changes nothing. --envoy asks nobody: the parts of Envoy's clusters and routes that make each
    dependency's breaker, with the limits of the policy.
    """
    from tidegate.engine.dependencies import look

    wanted = find_policy(service).policy.dependencies
    if not wanted:
        hint = "name what it calls: dependencies: {payments: {used_by: [checkout]}}, and look: tidegate lint"
        raise Refused(f"the policy of {service} names no dependency", next_step=hint)
    if envoy:
        typer.echo(json.dumps(_for_envoy(service), indent=1))
        return
    found = look(find_world(service))
    if as_json:
        typer.echo(json.dumps({"service": service, "dependencies": [asdict(one) for one in found]}))
    for one in () if as_json else found:
        typer.echo(one.words)
        if one.do:
            typer.echo(f"  what to do: {one.do}")
    if any(one.do for one in found):
        raise typer.Exit(ExitCode.REFUSED)


def _for_envoy(service: str) -> dict[str, object]:
    from tidegate.drivers.traffic._envoy_breaker import cluster_name, cluster_part, route_part

    parts = find_policy(service).policy.dependencies
    return {
        "clusters": [{"name": cluster_name(name), **cluster_part(part.limits)} for name, part in parts.items()],
        "routes": [
            {"route": {"cluster": cluster_name(name), **route_part(part.limits)}} for name, part in parts.items()
        ],
    }
