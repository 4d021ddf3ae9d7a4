"""``tidegate flags show | retire``: what customers are shown, and which keys are out of use for good."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from tidegate.cli.operations import Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_world

app = typer.Typer(help="Feature flags: what customers are shown, and keys that are out of use.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="flags")


@app.command("show")
def show(
    service: Service, as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False
) -> None:
    """Each flag as the journal has it, and what is otherwise in the flags' source. Changes nothing."""
    from tidegate.engine.facts import FACT_KINDS, fold_facts

    world = find_world(service)
    facts = fold_facts(world.journal.events(service, kinds=FACT_KINDS))
    found = world.estate.flags.observe() if world.estate.flags is not None else None
    flags: dict[str, Any] = {
        key: {
            "exposed_percent": fact.now.exposed / 100,
            "known_to_be_good": "on" if fact.now.default else "off",
            "release": fact.version,
            "in_source": found is not None and found.flags.get(key) == fact.now,
        }
        for key, fact in sorted(facts.flags.items())
        if key not in facts.retired_flags
    }
    broken = found.broken if found is not None else "this policy has no driver of flags"
    if as_json:
        typer.echo(json.dumps({"flags": flags, "retired": sorted(facts.retired_flags), "source": broken or "ok"}))
        return
    for key, row in flags.items():
        other = "" if row["in_source"] else "   NOT SO IN THE SOURCE"
        typer.echo(
            f"{key}: {row['exposed_percent']:g}% of the customers see it; known to be good: {row['known_to_be_good']}; "
            f"brought by {row['release']}{other}"
        )
    for key in sorted(facts.retired_flags):
        typer.echo(f"{key}: retired, never to be used again")
    typer.echo(
        f"source: {broken or 'ok'}" if flags or facts.retired_flags else f"no flag yet; source: {broken or 'ok'}"
    )


@app.command("retire")
def retire(
    service: Service,
    key: Annotated[str, typer.Argument(help="The flag's key.")],
    by: By,
    reason: Reason,
) -> None:
    """Take a flag's key out of use for good: no release may ask for it any more."""
    from tidegate.engine.retire_flag import retire_flag

    new = retire_flag(find_world(service), key, person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: flag {key} {'is retired: a key is never used again' if new else 'was retired before'}")
