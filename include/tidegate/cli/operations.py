"""``tidegate plan | catalog | break-glass``: what an operation would do, what was promoted, and on without Airflow."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from tidegate.cli.moving import PLANNERS, plan_of
from tidegate.cli.person import By, Reason
from tidegate.cli.reading import known_service, reading_journal
from tidegate.cli.service import find_policy, find_world
from tidegate.errors import Refused
from tidegate.plan.describe import lines
from tidegate.plan.promotion import promotion_plan
from tidegate.plan.rollback import rollback_plan
from tidegate.report.catalog import KINDS, catalog_document, catalog_lines

Service = Annotated[str, typer.Argument(help="The service's name, as in its policy.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")]


def register(app: typer.Typer) -> None:
    for command in (plan, catalog, break_glass):
        app.command(command.__name__.replace("_", "-"))(command)


def plan(
    service: Service,
    kind: Annotated[str, typer.Argument(help="promotion, rollback, switchover, failover or reprotect")] = "promotion",
    as_json: AsJson = False,
) -> None:
    """Print what an operation would do, step by step. Touches nothing."""
    builders = {"promotion": promotion_plan, "rollback": rollback_plan}
    moves = {one.value: one for one in PLANNERS}
    if kind not in (*builders, *moves):
        raise Refused(f"there is no plan of kind {kind!r}", next_step=f"one of {', '.join((*builders, *moves))}")
    found = find_policy(service)
    built = plan_of(found, moves[kind]) if kind in moves else builders[kind](found.policy, found.digest)
    typer.echo(json.dumps({**built.to_json(), "digest": built.digest}) if as_json else "\n".join(lines(built)))


def catalog(service: Service, as_json: AsJson = False) -> None:
    """Every promotion: what changed, why, who, until when it is reversible, the exact steps back, last rehearsed."""
    journal = reading_journal()
    known_service(journal, service)
    entries = catalog_document(service, journal.events(service, kinds=KINDS))
    if as_json:
        typer.echo(json.dumps(entries))
        return
    for line in catalog_lines(service, entries):
        typer.echo(line)
    if not entries:
        typer.echo(f"{service}: nothing has been promoted yet")


def break_glass(
    service: Service,
    operation: Annotated[str, typer.Argument(help="The operation's id (tidegate status).")],
    by: By,
    reason: Reason,
) -> None:
    """Take an open operation over and carry it to its end, without Airflow. Whoever ran it is refused from now on."""
    from tidegate.cli.carrying import take_over_and_carry

    take_over_and_carry(find_world(service), operation, by, reason)
