"""``tidegate migrations prove``: whether migrations can be undone, tried out on a scratch database."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.interrupting import terminated_as_interrupted
from tidegate.drivers.credentials import from_environment
from tidegate.report.proof_table import proof_table

SCRATCH = "conn://tidegate_scratch"
app = typer.Typer(help="Prove that migrations can be undone.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="migrations")


@app.callback()
def _migrations() -> None:
    """Prove that migrations can be undone."""


@app.command("prove")
def prove(
    config: Annotated[Path, typer.Option("--config", help="The project's alembic.ini.")] = Path("alembic.ini"),
    revisions: Annotated[
        str,
        typer.Option("--revisions", help="A:B, from above A up to B. All, or what the database has not, if left out."),
    ] = "",
    database: Annotated[
        str,
        typer.Option(
            "--database", help="conn://NAME to copy schema and rows from; only read. Rows are made up if none."
        ),
    ] = "",
    scratch: Annotated[
        str, typer.Option("--scratch", help="conn://NAME of the server where scratch databases are made and dropped.")
    ] = SCRATCH,
    sample: Annotated[int, typer.Option("--sample", help="Rows copied of each table.", min=0)] = 1000,
    large_table: Annotated[
        int, typer.Option("--large-table", help="Rows from which nothing may block a table.", min=1)
    ] = 100_000,
    pg_dump: Annotated[Path | None, typer.Option("--pg-dump", help="The program; looked for in PATH.")] = None,
    version_table: Annotated[str, typer.Option("--version-table", help="Where Alembic notes it.")] = "alembic_version",
    section: Annotated[str, typer.Option("--name", "-n", help="Section of the file, as Alembic's -n.")] = "alembic",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
) -> None:
    """Each revision up, down and up again on a scratch database, with schema and rows compared in between.

    Works for any Alembic project on PostgreSQL; its env.py is not run. Addresses and passwords come from
    AIRFLOW_CONN_NAME. Exits with 20 if a revision cannot be undone, or blocks a large table.
    """
    from tidegate.drivers.database.postgres import sqlalchemy_url
    from tidegate.drivers.migrations._chain import from_ini
    from tidegate.drivers.migrations._picture import find_pg_dump
    from tidegate.drivers.migrations._proof import Request
    from tidegate.drivers.migrations._proof import prove as run

    lower, upper = ends(revisions)
    request = Request(
        chain=from_ini(config, section, version_table),
        scratch=sqlalchemy_url(from_environment(scratch)),
        source=sqlalchemy_url(from_environment(database)) if database else None,
        lower=lower, upper=upper, sample=sample, pg_dump=find_pg_dump(pg_dump),
    )  # fmt: skip
    with terminated_as_interrupted():  # so that the scratch databases are dropped
        proof = run(request, lambda revision: typer.echo(f"trying {revision}", err=True))
    typer.echo(json.dumps(_value(proof, large_table), indent=2) if as_json else proof_table(proof, large_table))
    if proof.irreversible or proof.blocking(large_table):
        raise typer.Exit(ExitCode.NOT_REVERSIBLE)


def ends(revisions: str) -> tuple[str, str]:
    """``A:B`` as (A, B); ``A:`` and ``:B`` leave an end open. Raises ``typer.BadParameter``."""
    if not revisions:
        return "", "head"
    lower, colon, upper = revisions.partition(":")
    if not colon:
        raise typer.BadParameter(f"{revisions!r} is not of the form A:B", param_hint="--revisions")
    return lower, upper or "head"


def _value(proof: Any, large_table: int) -> dict[str, Any]:
    value = asdict(proof)
    for one, row in zip(proof.revisions, value["revisions"], strict=True):
        row["can_be_undone"] = one.can_be_undone
        for block, found in zip(one.blocks, row["blocks"], strict=True):
            found["large"] = block.is_large(large_table)
    return {**value, "large_table": large_table, "irreversible": [one.revision for one in proof.irreversible]}
