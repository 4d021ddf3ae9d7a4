"""``tidegate dashboard``: a service's Grafana dashboard, made from its policy."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.operations import Service
from tidegate.cli.service import find_policy
from tidegate.errors import Refused
from tidegate.journal.database import parse
from tidegate.journal.settings import journal_url


class Sql(StrEnum):
    """Of the journal's database."""

    SQLITE = "sqlite"
    POSTGRES = "postgres"


Out = Annotated[Path | None, typer.Option("--out", help="A file to write, NAME.json; else it is printed.")]
Dialect = Annotated[Sql | None, typer.Option("--sql", help="Of the journal's database; by default as it is here.")]


def register(app: typer.Typer) -> None:
    app.command("dashboard")(dashboard)


def dashboard(service: Service, out: Out = None, sql: Dialect = None) -> None:
    """The service's Grafana dashboard, as JSON to import: weights, errors, latency, verdicts, durations, objectives and
    error budget, by SQL over the journal. Its owner stands on it. Nothing is asked of the journal."""
    from tidegate.report.dashboard import dashboard as made

    if out is not None and out.suffix != ".json":
        raise Refused(f"{out} is not JSON", next_step="name it NAME.json")
    text = json.dumps(made(find_policy(service).policy, (sql or _here()).value), indent=2) + "\n"
    if out is None:
        typer.echo(text, nl=False)
        return
    out.write_text(text)
    typer.echo(f"{out}: import it in Grafana, and choose the data source of the journal")


def _here() -> Sql:
    return Sql.SQLITE if parse(journal_url()).get_backend_name() == "sqlite" else Sql.POSTGRES
