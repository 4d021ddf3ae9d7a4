"""``python -m lab``: the lab by hand. Exit codes: 0 done, 1 the lab could not do it, 2 refused, nothing was changed."""

from __future__ import annotations

import argparse
import difflib
import json
import signal
import sys

from lab import state
from lab.airflow import metadata_template
from lab.estate import DAGS, Lab
from lab.places import here
from lab.progress import Progress, on_stdout
from lab.supervision import Control
from tidegate.errors import Refused, TidegateError, Unreachable

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    try:
        return int(_COMMANDS[options.command](options) or 0)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; nothing is left running\n")
        return INTERRUPTED
    except TidegateError as error:
        sys.stderr.write(f"lab {options.command}: {error.message}\n")
        if error.next_step:
            sys.stderr.write(f"  what to do: {error.next_step}\n")
        return 2 if isinstance(error, Refused) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab", description="The two-region sample shop, its edge and its Airflow.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and leave it running")
    up.add_argument("--no-airflow", action="store_true", help="the shop alone")
    down = commands.add_parser("down", help="stop everything")
    down.add_argument("--purge", action="store_true", help="remove its data, too")
    commands.add_parser("status", help="what runs")
    for verb, words in (("stop", "stop one program, to see what happens"), ("start", "start it again")):
        one = commands.add_parser(verb, help=words)
        one.add_argument("program", help="as `lab status` names it")
    commands.add_parser("env", help="print the variables that address the lab (they hold secrets)")
    reset = commands.add_parser("reset", help="back to the start state while everything stays up")
    reset.add_argument("--fresh-journal", action="store_true", help="put the journal aside and start a new one")
    commands.add_parser("prepare", help="make what every start reuses")
    return parser


def _up(options: argparse.Namespace) -> None:
    lab = Lab(progress=on_stdout())
    if not lab.up(airflow=not options.no_airflow):
        sys.stdout.write("the lab is up already\n")
    sys.stdout.write(_welcome(lab))


def _down(options: argparse.Namespace) -> None:
    lab = Lab(progress=on_stdout())
    if state.load(lab.places.state) is None:
        sys.stdout.write("nothing is up\n")
    lab.down(purge=options.purge)


def _status(_: argparse.Namespace) -> int:
    lab = Lab(progress=Progress())
    found = state.load(lab.places.state)
    if found is None:
        sys.stdout.write("nothing is up\n")
        return 1
    sys.stdout.write(f"{found.phase}\n")
    for place in found.sessions:
        sys.stdout.writelines(f"  {place:6} {line}\n" for line in _programs(lab, place))
    if found.airflow:
        sys.stdout.write(f"  Airflow {_airflow_health(lab)}\n")
    return 0 if found.whole() else 1


def _programs(lab: Lab, place: str) -> list[str]:
    try:
        return [f"{name:24} {program}" for name, program in sorted(lab.control(place).states().items())]
    except Unreachable as error:
        return [error.message]


def _stop(options: argparse.Namespace) -> None:
    _control_of(options.program).stop(options.program)
    sys.stdout.write(f"{options.program} is stopped; again: lab start {options.program}\n")


def _start(options: argparse.Namespace) -> None:
    _control_of(options.program).start(options.program)
    sys.stdout.write(f"{options.program} is started\n")


def _control_of(program: str) -> Control:
    """The supervisor that runs it. Raises :class:`Refused` with the likely name."""
    lab = Lab(progress=Progress())
    lab.site()  # says so if nothing is up
    found = state.load(lab.places.state)
    controls = [lab.control(place) for place in (found.sessions if found else ())]
    known = {name: control for control in controls for name in control.states()}
    if program not in known:
        near = difflib.get_close_matches(program, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"programs: {', '.join(sorted(known))}"
        raise Refused(f"the lab runs no program {program!r}", next_step=hint)
    return known[program]


def _airflow_health(lab: Lab) -> str:
    try:
        with lab.airflow() as api:
            return json.dumps({name: part["status"] for name, part in api.health().items()})
    except TidegateError as error:
        return error.message


def _env(_: argparse.Namespace) -> None:
    lab = Lab(progress=Progress())
    lab.site()  # says so if nothing is up
    sys.stdout.write(lab.places.env.read_text())


def _reset(options: argparse.Namespace) -> None:
    Lab(progress=on_stdout()).reset_data(fresh_journal=options.fresh_journal)


def _prepare(_: argparse.Namespace) -> None:
    metadata_template(here())


def _welcome(lab: Lab) -> str:
    edge = f"\nThe shop:    {lab.edge_address()}\n"
    found = state.load(lab.places.state)
    if found is None or not found.airflow:
        return edge
    site = lab.site()
    return (
        f"{edge}Airflow:     {site.address}\n"
        f"People:      cat (operates), ann, ben (approve), pat (platform), aud (auditor), vic (looks), admin\n"
        f"Passwords:   {site.passwords}\n\n"
        f"What to do:  log in as cat, open {DAGS[0]}, press Trigger and choose release 1.1.0.\n"
        "             Watch it shift traffic. Before 50 % it asks: log in as ann or ben, open Required Actions,\n"
        "             approve.\n"
        "             Then promote 1.2.0 and watch it being caught.\n"
        f"In a shell:  . .venv/bin/activate; set -a; . {lab.places.env}; set +a\n"
        "To stop it:  make down\n"
    )


_COMMANDS = {
    "up": _up,
    "down": _down,
    "status": _status,
    "stop": _stop,
    "start": _start,
    "env": _env,
    "reset": _reset,
    "prepare": _prepare,
}

if __name__ == "__main__":
    raise SystemExit(main())
