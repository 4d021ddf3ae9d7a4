"""Who types: a name that is stated, and the account that states it.

The name is not proved. Whoever can reach the journal's database is trusted with it; Airflow's API and pages are where
people log in. So the journal holds both: the name as the person, the account in the row's actor.
"""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from tidegate.errors import Refused


def account() -> str:
    """The operating system's account that runs this command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in a container
        return "unknown"


def actor(person: str) -> str:
    """How the journal names the one who acts."""
    return f"{person} (account {account()})"[:200]


By = Annotated[
    str, typer.Option("--by", default_factory=account, help="Who does this, for the journal. Left out: your account.")
]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]
Why = Annotated[str, typer.Option("--reason", help="Why, for the journal; asked for at a terminal if left out.")]


def why(reason: str) -> str:
    """The reason that was given, or that whoever sits at this terminal gives now. Raises :class:`Refused` without one:
    nothing is done in anybody's name that cannot say why."""
    if not reason and sys.stdin.isatty():
        reason = typer.prompt("why, for the journal", default="", show_default=False)
    if not reason.strip():
        raise Refused("a reason is needed: the journal keeps it", next_step="add --reason <why>")
    return reason
