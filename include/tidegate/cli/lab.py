"""``tidegate lab …``: the sample estate of this checkout, the same as ``python -m lab …``."""

from __future__ import annotations

import subprocess
import sys

import typer

from tidegate.errors import Refused


def register(app: typer.Typer) -> None:
    settings = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command("lab", context_settings=settings)(lab)


def lab(context: typer.Context) -> None:
    """Start, stop and look at the sample estate: up, down, status, stop, start, env, reset (tidegate lab --help)."""
    from importlib.util import find_spec

    if find_spec("lab") is None or find_spec("envoy") is None:
        raise Refused("the sample estate is not installed here", next_step="run `make setup` in a checkout")
    done = subprocess.run([sys.executable, "-m", "lab", *context.args], check=False)  # noqa: S603
    raise typer.Exit(done.returncode)
