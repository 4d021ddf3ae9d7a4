"""``tidegate release lint``: what a promotion would refuse of a release, said while it can still be built anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.service import find_paper
from tidegate.errors import Refused
from tidegate.publishing import bundle


def register(parent: typer.Typer) -> None:
    parent.command("lint")(lint)


def lint(
    folder: Annotated[Path, typer.Argument(help="The bundle that `release build` made; signed or not.")],
    service: Annotated[str, typer.Option("--for", help="The service that it is to be promoted in.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")] = False,
) -> None:
    """Check a release against what the service's journal knows: retired flags, their known-good values, vetoes.

    Changes nothing, asks neither Airflow nor the estate. Exits with 4, and says what to build otherwise, if a promotion
    would refuse it.
    """
    from tidegate.engine.facts import FACT_KINDS, fold_facts
    from tidegate.steps.admit_flags import refuse_unfit_flags

    found = bundle.Bundle.read(folder)
    if found.is_index:
        raise Refused(f"{folder} holds a release index, not a release", next_step="name a bundle of `release build`")
    manifest = found.manifest()
    if manifest.service != service:
        raise Refused(f"{folder} holds a release of {manifest.service!r}", next_step=f"--for {manifest.service}")
    facts = fold_facts(find_paper(service).journal.events(service, kinds=FACT_KINDS))
    if manifest.digest in facts.vetoed:
        raise Refused(f"release {manifest.version} ({manifest.digest}) is vetoed", next_step="build another release")
    refuse_unfit_flags(manifest.release(), facts.flags, facts.retired_flags)
    told = {"service": service, "version": manifest.version, "digest": manifest.digest, "fit": True}
    words = f"{manifest.version}: {len(manifest.flags)} flags, none retired, each off or on as is known to be good"
    typer.echo(json.dumps(told) if as_json else words)
