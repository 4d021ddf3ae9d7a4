"""``tidegate ledger show | reapply | supersede | discard | unreadable``: what the old primary alone had."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_paper, find_world
from tidegate.errors import Refused
from tidegate.model.lost_write import Closed, LedgerState

app = typer.Typer(
    help="Lost writes: what the old primary had when it was lost, and the new one has not.", no_args_is_help=True
)
Numbers = Annotated[list[int] | None, typer.Argument(help="Entries, by number as `show` tells them.")]
All = Annotated[bool, typer.Option("--all", help="Every entry that is open.")]


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="ledger")


@app.command("show")
def show(
    service: Service,
    everything: Annotated[bool, typer.Option("--all", help="Those that are closed too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Each lost row that is open, personal values masked. Changes nothing."""
    from tidegate.engine import ledger

    world = find_world(service)
    shown = ledger.show(world, all_of_it=everything)
    rows = [one.shown(world.policy.personal) for one in shown.rows]
    if as_json:
        typer.echo(json.dumps({**_document(shown.state), "rows": rows}))
        return
    typer.echo(f"{service}: {shown.state.words}")
    for row in rows:
        closed = "   closed" if row["number"] in shown.state.closed else ""
        typer.echo(f"  {row['number']:>5}  {row['table']} {row['key']}: {row['lack']}{closed}")
        typer.echo(f"         it was: {_values(row['old'])}")
        if row["new"] is not None:
            typer.echo(f"         now:    {_values(row['new'])}")
    _next(service, shown.state)


@app.command("reapply")
def reapply(service: Service, by: By, reason: Reason, numbers: Numbers = None, everything: All = False) -> None:
    """Write rows back to today's primary. Twice is once; one that has become another row since is left alone, and
    told."""
    from tidegate.engine import ledger

    world = find_world(service)
    chosen = _chosen(numbers, everything)
    found = ledger.reapply(world, chosen, person=by, reason=reason, actor=actor(by))
    for one in found:
        typer.echo(f"{one.number}: {one.detail if one.done else f'CONFLICT: {one.conflict}'}")
    conflicts = [one for one in found if not one.done]
    typer.echo(f"{service}: {len(found) - len(conflicts)} reapplied, {len(conflicts)} in conflict and left alone")
    _next(service, ledger.the_ledger(world))
    if conflicts:
        raise typer.Exit(ExitCode.LOOK_FIRST)


@app.command("supersede")
def supersede(service: Service, by: By, reason: Reason, numbers: Numbers = None, everything: All = False) -> None:
    """Something newer stands in these rows' place. The database is not touched."""
    _close(service, numbers, everything, Closed.SUPERSEDED, by, reason)


@app.command("discard")
def discard(service: Service, by: By, reason: Reason, numbers: Numbers = None, everything: All = False) -> None:
    """These rows are given up. The database is not touched."""
    _close(service, numbers, everything, Closed.DISCARDED, by, reason)


@app.command("unreadable")
def unreadable(service: Service, by: By, reason: Reason) -> None:
    """Nobody can read the old primary any more (its disk is gone): go on without what it alone had."""
    from tidegate.engine import ledger

    state = ledger.give_up(find_paper(service), person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: {state.words}")
    _next(service, state)


def _close(service: str, numbers: Sequence[int] | None, everything: bool, how: Closed, by: str, reason: str) -> None:
    from tidegate.engine import ledger

    world = find_paper(service)
    done = ledger.close(world, _chosen(numbers, everything), how, person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: {len(done)} entries {how.value}")
    _next(service, ledger.the_ledger(world))


def _chosen(numbers: Sequence[int] | None, everything: bool) -> tuple[int, ...]:
    """Empty for all of them, which has to be said."""
    if bool(numbers) == everything:
        raise Refused("which entries?", next_step="name them by number, or --all; not both")
    return tuple(numbers or ())


def _next(service: str, state: LedgerState) -> None:
    from tidegate.engine.lost_writes import next_step

    if state.settled:
        typer.echo(f"next:  the reprotect that waits goes on by itself; none yet: tidegate reprotect {service}")
    else:
        typer.echo(f"next:  {next_step(state, service)}")


def _values(row: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in row.items())


def _document(state: LedgerState) -> dict[str, Any]:
    return {
        "ledger": state.ledger,
        "region": state.region,
        "kept": state.kept,
        "entries": state.entries,
        "open": list(state.open),
        "tables": {table: dict(lacks) for table, lacks in state.tables.items()},
        "unreadable": state.unreadable,
        "exact": bool(state.mark),
        "words": state.words,
    }
