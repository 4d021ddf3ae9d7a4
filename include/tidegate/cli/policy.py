"""``tidegate lint`` and ``tidegate schema``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    app.command("schema")(schema)


def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="The reference page instead.")] = False,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
) -> None:
    """Print the JSON Schema of a policy, for editors (draft 2020-12)."""
    from tidegate.policy.reference import json_schema
    from tidegate.policy.reference_page import reference_markdown

    text = reference_markdown() if markdown else json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
