"""Text to standard output or to a file that was named."""

from __future__ import annotations

from pathlib import Path

import typer

from tidegate.errors import Refused


def give_out(text: str, output: Path | None) -> None:
    """Raises :class:`Refused` for a place that cannot be written."""
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(output, error) from None


def unwritable(path: Path, error: OSError) -> Refused:
    return Refused(f"{path} cannot be written: {error.strerror}", next_step="name a file that can be")
