"""``tidegate brakes | veto | pin | unpin | stop-line | start-line``: what keeps a service from being promoted.

All of them take the journal alone (``veto`` looks a version up in the artifact store if no baseline has it). A rollback
is held by none of them, but for a veto on the release that it would go back to.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Annotated, Any

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.reading import known_service, reading_journal
from tidegate.cli.service import find_artifacts, find_paper, find_world
from tidegate.engine import braking, control
from tidegate.engine.brakes import Brake
from tidegate.engine.facts import FACT_KINDS, fold_facts
from tidegate.engine.world import World
from tidegate.errors import Refused, TidegateError
from tidegate.policy import places
from tidegate.policy.folder import load_folder

Everywhere = Annotated[bool, typer.Option("--all", help="Every service that has a policy here.")]
OneOrAll = Annotated[str | None, typer.Argument(help="The service's name; left out with --all.")]


def register(app: typer.Typer) -> None:
    for command in (brakes, veto, pin, unpin, stop_line, start_line):
        app.command(command.__name__.replace("_", "-"))(command)


def brakes(service: Service, as_json: AsJson = False) -> None:
    """What is on: pin, stopped line, vetoes; who put it on, when and why. Reads the journal only."""
    journal = reading_journal()
    known_service(journal, service)
    found = braking.brakes_of(journal, service)
    if as_json:
        typer.echo(json.dumps({"service": service, **found.to_json()}))
        return
    typer.echo(f"{service}: pin:   {_since(found.pin)}")
    typer.echo(f"{service}: line:  {_since(found.line, 'runs')}")
    for one in found.vetoes:
        typer.echo(f"{service}: veto:  {one.version or '?'} ({one.digest}) by {_since(one.brake)}")


def veto(
    service: Service,
    release: Annotated[str, typer.Argument(help="A version, or a digest (sha256:…).")],
    by: By,
    reason: Reason,
) -> None:
    """Mark a release bad, for good: no promotion, no rollback and no break-glass brings it to users any more."""
    paper = find_paper(service)
    for digest, version in _meant(paper, release):
        done = braking.veto(paper, digest, version, person=by, reason=reason, actor=actor(by))
        typer.echo(f"{service}: {version or release} ({digest}) is vetoed{'' if done.new else ' already'}")
        if done.turned:
            safe = control.make_safe_from(lambda: find_world(service), done.turned, actor=actor(by))
            typer.echo(f"{done.turned}: on its way back")
            typer.echo(f"is it safe?  {'yes' if safe.done else 'NOT YET'}: {safe.detail}")
            if not safe.done:
                raise typer.Exit(ExitCode.LOOK_FIRST)
        if done.serves:
            typer.echo(f"IT RUNS, and takes users' traffic. Next:  tidegate rollback {service} --reason WHY --wait")


def pin(service: Service, by: By, reason: Reason) -> None:
    """Keep the service on its release: promotions are refused until it is unpinned. Rollbacks are not."""
    _one(service, braking.pin, by, reason, "pinned: promotions are refused", "pinned already")
    typer.echo(f"next:  tidegate unpin {service} --by NAME --reason WHY")


def unpin(service: Service, by: By, reason: Reason) -> None:
    """Let promotions begin again."""
    _one(service, braking.unpin, by, reason, "not pinned any more", "not pinned: nothing to do")


def stop_line(by: By, reason: Reason, service: OneOrAll = None, everywhere: Everywhere = False) -> None:
    """Stop the line: promotions neither begin nor go on, unless exempted. Rollbacks and ways back go on."""
    for name in _chosen(service, everywhere):
        done = _one(name, braking.stop_line, by, reason, "the line is stopped", "the line was stopped already")
        if done and done.held:
            typer.echo(f"{done.held}: stands still; its weights stay, the guard watches on")
    typer.echo("next:  tidegate start-line, with the same; to go on all the same: tidegate promote … --exempt KIND")


def start_line(by: By, reason: Reason, service: OneOrAll = None, everywhere: Everywhere = False) -> None:
    """Start the line again: what stood still because of it goes on by itself."""
    for name in _chosen(service, everywhere):
        done = _one(name, braking.start_line, by, reason, "the line runs", "the line was running")
        if done and done.freed:
            typer.echo(f"{done.freed}: goes on")


def _one(service: str, act: Callable[..., braking.Braked], by: str, reason: str, done: str, was: str) -> braking.Braked:
    found = act(find_paper(service), person=by, reason=reason, actor=actor(by))
    typer.echo(f"{service}: {done if found.new else was}")
    return found


def _chosen(service: str | None, everywhere: bool) -> list[str]:
    if bool(service) == everywhere:
        raise Refused("name one service, or give --all", next_step="tidegate stop-line SERVICE, or --all")
    if service:
        return [service]
    found = load_folder(places.policy_folder(), places.snapshots(), record=False)
    return sorted(loaded.policy.service for loaded in found.policies)


def _meant(paper: World, release: str) -> list[tuple[str, str]]:
    """Digests with their version: of every baseline of that version, and of what is on offer under it. Raises
    :class:`Refused` if there is neither."""
    facts = fold_facts(paper.journal.events(paper.service, kinds=FACT_KINDS))
    if release.startswith("sha256:"):
        versions = [b.release.version for b in facts.baselines if b.release.digest == release]
        return [(release, versions[-1] if versions else "")]
    digests = [b.release.digest for b in facts.baselines if b.release.version == release]
    try:
        digests.append(find_artifacts(paper.service).verify(release).digest)
    except TidegateError as error:
        if not digests:
            raise
        typer.echo(f"the artifact store could not be asked, the certified release is vetoed: {error}", err=True)
    return [(digest, release) for digest in dict.fromkeys(digests)]


def _since(brake: Brake | Any | None, off: str = "off") -> str:
    if brake is None:
        return off
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(brake.at))
    return f"{brake.person} since {at}: {brake.why}"
