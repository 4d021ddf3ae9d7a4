"""``tidegate exit-codes``: the table, for people and for the reference."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.exit_codes import as_markdown, as_text
from tidegate.cli.writing import give_out


def register(app: typer.Typer) -> None:
    app.command("exit-codes")(exit_codes)


def exit_codes(
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference page.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """What this command line exits with, and what each code means."""
    give_out(as_markdown() if markdown else as_text() + "\n", output)
