"""``tidegate …``: the command line, which is also break-glass: it needs no Airflow.

One file per group of commands, each with a ``register(app)``; a command raises what the packages below raise, and
:func:`main` alone turns that into words and an exit code (:mod:`tidegate.cli.exit_codes`). A command that a script may
call takes ``--json`` and then prints one JSON value on standard output, its errors included.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from tidegate.cli import (
    adoption,
    audit,
    backups,
    brakes,
    bundling,
    code_table,
    control,
    dashboard,
    dependencies,
    detours,
    doctor,
    drilling,
    flags,
    groups,
    guard,
    init,
    lab,
    ledger,
    local_journal,
    migrations,
    moving,
    objectives,
    operations,
    policy,
    preview,
    readiness,
    release,
    requests,
    reviewing,
    runbooks,
    running,
    status,
    vantage,
    writes,
)
from tidegate.cli.complaint import as_json, as_text
from tidegate.cli.exit_codes import ExitCode, exit_code
from tidegate.engine.telling import last_words
from tidegate.errors import TidegateError
from tidegate.redaction import cleansed

__all__ = ["app", "main"]

app = typer.Typer(
    name="tidegate",
    help="Disaster recovery and progressive delivery: one policy per service.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
policy.register(app)
init.register(app)
doctor.register(app)
operations.register(app)
status.register(app)
adoption.register(app)
release.register(app)
control.register(app)
brakes.register(app)
readiness.register(app)
requests.register(app)
moving.register(app)
objectives.register(app)
running.register(app)
groups.register(app)
dependencies.register(app)
bundling.register(app)
local_journal.register(app)
preview.register(app)
ledger.register(app)
writes.register(app)
detours.register(app)
drilling.register(app)
reviewing.register(app)
dashboard.register(app)
runbooks.register(app)
backups.register(app)
code_table.register(app)
audit.register(app)
guard.register(app)
vantage.register(app)
migrations.register(app)
flags.register(app)
lab.register(app)


def _say_versions(asked: bool) -> None:
    if asked:
        from tidegate.doctor.software import versions

        typer.echo(versions())
        raise typer.Exit


Versions = Annotated[
    bool,
    typer.Option("--version", callback=_say_versions, is_eager=True, help="Of Tidegate, the journal and policies."),
]


@app.callback()
def _tidegate(version: Versions = False) -> None:
    """Exit codes: 0 done, 2 usage, 3 policy, 4 refused, 5 try again, 6 look first, 7 superseded, 8 and 9 journal.

    Of promote and rollback with --wait as well: 10 caught and rolled back, 11 not approved, 12 aborted, 13 waits for a
    person, 14 still running, 15 needs a person, 16 not authorised, 17 asked otherwise before, 18 lost sight of. The
    whole table: tidegate exit-codes.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Standard error holds words for people, never a traceback of ours."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with cleansed():  # should a vendor's exception ever get here: without the password that it quotes
            app(given, prog_name="tidegate")
    except SystemExit as done:
        return _code(done)
    except TidegateError as error:
        if "--json" in given:
            print(as_json(error))
        else:
            print(as_text(error), file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    finally:
        last_words()
    return ExitCode.OK


def _code(done: SystemExit) -> int:
    if done.code is None:
        return ExitCode.OK
    return done.code if isinstance(done.code, int) else ExitCode.MISTAKE
