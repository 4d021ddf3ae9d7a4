"""``tidegate drill`` holds a drill, ``tidegate drills`` shows what was held."""

from __future__ import annotations

import json
import random
import signal
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import account
from tidegate.cli.reading import reading_journal
from tidegate.cli.service import find_policy, find_world
from tidegate.engine.drills import drills as drills_in
from tidegate.engine.drills import last_good
from tidegate.errors import Refused
from tidegate.model.drill import Scenario
from tidegate.policy.drills import Drills
from tidegate.policy.likely import likely
from tidegate.policy.quantities import parse_duration
from tidegate.report.drills import trend_lines


def register(app: typer.Typer) -> None:
    app.command("drill")(drill)
    app.command("drills")(drills)
    app.command("parity")(parity)


def drill(
    service: Service,
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Which to rehearse, in this order; all of the policy's if none is named.")
    ] = None,
    by: Annotated[str | None, typer.Option("--by", help="Who wants it; else your account.")] = None,
    which: Annotated[str | None, typer.Option("--id", help="The drill's id; a new one if left out.")] = None,
    game_day: Annotated[
        bool, typer.Option("--game-day", help="One of them, drawn by lot and not told; people answer it.")
    ] = False,
    within: Annotated[str, typer.Option("--within", help="Until the fault comes, at most; on a game day.")] = "30m",
) -> None:
    """Rehearse the service's plans on the environment that its policy names, under load, with faults put in. Exits with
    0 if every scenario passed.

    The service itself is not touched. Ctrl-C ends it: faults are lifted and the environment is brought home first.
    On a game day nobody stands in for the people on call, and which scenario it was is told at its end.
    """
    from tidegate.drill.cast import drills_of
    from tidegate.drill.session import hold

    loaded = find_policy(service)
    section = drills_of(loaded.policy)
    wanted = _wanted(section, scenarios or [])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: nothing is left broken
    cast = _cast(loaded.policy, which or _new_id(service), by or account())
    if game_day:
        cast, wanted = _drawn(cast, wanted, within)
    try:
        held = hold(cast, wanted)
    except KeyboardInterrupt:
        typer.echo(f"{cast.id}: ended; its environment was brought home as far as it would go", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    for line in trend_lines(service, [held]):
        typer.echo(line)
    raise typer.Exit(ExitCode.OK if held.ok else ExitCode.REFUSED)


def drills(
    service: Service,
    as_json: AsJson = False,
    out: Annotated[Path | None, typer.Option("--out", help="A page to write, NAME.html, with the trend drawn.")] = None,
) -> None:
    """What was held: by scenario, what it took to notice, decide, wait for people, act and verify, beside the RTO; what
    users saw; what failed, and what was slower than it used to be. Reads the journal only."""
    from tidegate.report.drill_page import drills_html

    if out is not None and out.suffix != ".html":
        raise Refused(f"{out} is no page", next_step="name it NAME.html")
    policy, journal = find_policy(service).policy, reading_journal()
    found = drills_in(journal, service)
    if as_json:
        rows = [{"drill": one.id, "ok": one.ok, "began": one.began, "ended": one.ended, "wrong": list(one.wrong),
                 "results": [result.to_json() for result in one.results]} for one in found]  # fmt: skip
        typer.echo(json.dumps({"service": service, "drills": rows}))
        return
    if out is not None:
        out.write_text(drills_html(service, found))
        typer.echo(f"{out}: {len(found)} drills")
        return
    for line in trend_lines(service, found):
        typer.echo(line)
    good = last_good(found)
    if policy.drills is not None and (good is None or time.time() - (good.ended or 0) > policy.drills.every):
        typer.echo(f"{service}: a drill is overdue: tidegate drill {service}")


def parity(service: Service, as_json: AsJson = False) -> None:
    """Is the environment of drills what production is: settings, release, schema, instances? Exits with 4 where it is
    not, or where it could not be looked at: a drill there would prove little. Changes nothing."""
    from tidegate.drill.cast import drills_of
    from tidegate.drill.parity import compare

    section = drills_of(find_policy(service).policy)
    found = compare(find_world(service), find_world(section.environment))
    if as_json:
        typer.echo(json.dumps({"service": service, "environment": section.environment, **found.to_json()}))
    else:
        for one in (*found.differences, *(f"not known: {what}" for what in found.unknown)):
            typer.echo(f"DIFFERS  {one}")
        typer.echo(f"{section.environment}: {'as' if found.ok else 'NOT as'} {service}; same: {', '.join(found.same)}")
    raise typer.Exit(ExitCode.OK if found.ok else ExitCode.REFUSED)


def _cast(policy: Any, which: str, by: str) -> Any:
    """Raises :class:`Refused` for an environment that no policy describes, and for a connection that is not there."""
    from tidegate.drill.cast import Cast, drills_of
    from tidegate.drill.hands import AtTerminal, ByAirflow
    from tidegate.drivers.credentials import from_environment
    from tidegate.remote.airflow import Airflow

    section = drills_of(policy)
    world = find_world(section.environment)
    person = by
    if section.answer is None:
        terminal = AtTerminal(section.environment, person)
        return Cast(which, policy, world, terminal, terminal, by, _say, production=find_world(policy.service))
    found = from_environment(section.answer)
    airflow = ByAirflow(section.environment, Airflow(found.address, found.login or "", found.password or ""))
    terminal = AtTerminal(section.environment, found.login or by)
    return Cast(which, policy, world, airflow, terminal, by, _say, production=find_world(policy.service))


def _drawn(cast: Any, wanted: list[Scenario], within: str) -> tuple[Any, list[Scenario]]:
    """One of them, at a moment that nobody knows. Raises :class:`Refused` for a span of time that is none."""
    from tidegate.drill.cast import GameDay

    lot = random.SystemRandom()
    noticed = [scenario for scenario in wanted if scenario is not Scenario.RESTORE]
    if not noticed:
        raise Refused("restore is no game day: nothing breaks that anybody could notice", next_step="leave it out")
    try:
        most = parse_duration(within)
    except ValueError as error:
        raise Refused(f"--within: {error}", next_step="say for example --within 45m") from None
    return replace(cast, game_day=GameDay(lot.uniform(0, most))), [lot.choice(noticed)]


def _say(line: str) -> None:
    print(line, flush=True)


def _new_id(service: str) -> str:
    return f"{service}-drill-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}-{uuid.uuid4().hex[:4]}"


def _wanted(section: Drills, named: list[str]) -> list[Scenario]:
    """Raises :class:`Refused` with the likely name."""
    known = {scenario.value: scenario for scenario in section.scenarios}
    if not named:
        return list(section.scenarios)
    return [known[name] if name in known else _unknown(name, known) for name in named]


def _unknown(name: str, known: Any) -> NoReturn:
    raise Refused(f"the policy rehearses no {name!r}", next_step=likely(name, known))
