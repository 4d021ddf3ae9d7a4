"""``tidegate promote | rollback``: ask Airflow for an operation, from CI or from any desk, and follow it to its end."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from tidegate.cli import foreseeing
from tidegate.cli.again import again
from tidegate.cli.exit_codes import OF_ENDING, TABLE, ExitCode
from tidegate.cli.interrupting import terminated_as_interrupted
from tidegate.errors import Refused
from tidegate.model.exemption import Exemption
from tidegate.model.operation import OperationKind
from tidegate.policy.quantities import parse_duration
from tidegate.remote.airflow import Airflow
from tidegate.remote.ending import Ending
from tidegate.remote.follow import Followed, Follower
from tidegate.remote.request import Asked, Started, start
from tidegate.remote.settings import connect

Service = Annotated[str, typer.Argument(help="The service's name, as in its policy.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, for the journal and the catalog.")]
Wait = Annotated[bool, typer.Option("--wait", help="Follow it to its end, and exit with how it ended.")]
RequestId = Annotated[
    str | None,
    typer.Option("--request-id", help="Your own name for this request, like the CI run's id. Twice is once."),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", help="Stop following after this long, like 45m; it goes on by itself.")
]
Exempt = Annotated[
    Exemption | None,
    typer.Option("--exempt", help="On what ground it goes on although a brake is on: journalled in your name."),
]
FastTrack = Annotated[bool, typer.Option("--fast-track", help="Bring back a baseline without the canary steps.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value on standard output; progress on standard error.")]

Here = Annotated[
    bool, typer.Option("--without-airflow", help="Carry it out from this terminal, with the drivers' addresses.")
]
By = Annotated[str | None, typer.Option("--by", help="Who asks, with --without-airflow; else your account.")]


def register(app: typer.Typer) -> None:
    app.command("promote")(promote)
    app.command("rollback")(rollback)
    app.command("contract")(contract)


def promote(
    service: Service,
    version: Annotated[str, typer.Argument(help="The release to promote, like 1.1.0.")],
    reason: Reason,
    exempt: Exempt = None,
    fast_track: FastTrack = False,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Ask Airflow to promote a release. Needs TIDEGATE_AIRFLOW_URL, and _USER and _PASSWORD or _TOKEN."""
    conf: dict[str, Any] = {"version": version, "reason": reason}
    conf |= {"exempt": exempt.value} if exempt else {}
    conf |= {"fast_track": True} if fast_track else {}
    ask(service, OperationKind.PROMOTION, conf, request_id, wait, timeout, as_json)


def rollback(
    service: Service,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the journal. Left out only with --preview.")] = "",
    to: Annotated[str | None, typer.Option("--to", help="A certified baseline; by default the one before.")] = None,
    fast_lane: Annotated[bool, typer.Option("--fast-lane", help="All traffic at once, even if it overruns.")] = False,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
    preview: Annotated[bool, typer.Option("--preview", help="Only say what it would do now; touches nothing.")] = False,
    without_airflow: Here = False,
    by: By = None,
) -> None:
    """Roll the service back: ask Airflow to (the same variables as for promote), or look first, or do it from here."""
    if preview:
        return foreseeing.preview(service, to, as_json)
    if not reason:
        raise Refused("a rollback needs --reason: the journal keeps it", next_step="look first: --preview")
    if without_airflow:
        return foreseeing.roll_back_here(service, to, by, reason, fast_lane, request_id or "")
    conf = {"target": to, "reason": reason, "fast_lane": fast_lane}
    ask(service, OperationKind.ROLLBACK, conf, request_id, wait, timeout, as_json)


def contract(
    service: Service,
    reason: Reason,
    wait: Wait = False,
    request_id: RequestId = None,
    timeout: Timeout = None,
    as_json: AsJson = False,
) -> None:
    """Ask Airflow to run the stable release's schema contract, after which no rollback goes behind that release.

    Nothing is touched before the people whom the policy names have said yes. The same variables as for promote.
    """
    ask(service, OperationKind.CONTRACT, {"reason": reason}, request_id, wait, timeout, as_json)


def ask(
    service: str, kind: OperationKind, conf: Mapping[str, Any], request_id: str | None, wait: bool,
    timeout: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Ask Airflow for an operation, once however often this is called, and follow it if ``wait``; exits with how it
    ended."""
    within = _seconds(timeout)
    asked = Asked(service, kind, request_id or str(uuid.uuid4()), conf)

    def say(line: str) -> None:
        print(line, file=sys.stderr if as_json else sys.stdout, flush=True)

    with connect() as api:
        started = start(api, asked)
        say(_begun(asked, started))
        if not wait:
            facts = {**_about(asked, started), "state": started.run.get("state")}
            typer.echo(json.dumps(facts)) if as_json else say(f"follow it: {again(asked)}")
            return
        followed = _followed(api, asked, started, within, say)
    _tell(asked, started, followed, as_json)
    raise typer.Exit(OF_ENDING[followed.ending])


def _followed(api: Airflow, asked: Asked, started: Started, within: float | None, say: Any) -> Followed:
    try:
        with terminated_as_interrupted():
            return Follower(api, asked, say, paused=started.paused).follow(within)
    except KeyboardInterrupt:
        print(f"\nnot followed any more; the operation goes on. Follow it: {again(asked)}", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def _begun(asked: Asked, started: Started) -> str:
    what = "requested" if started.new else "requested before, it is the same one"
    paused = f"; the DAG {asked.dag_id} is paused, so nothing begins until somebody unpauses it"
    return f"{what}: {asked.operation} (run {asked.run_id} of {asked.dag_id}){paused if started.paused else ''}"


def _about(asked: Asked, started: Started) -> dict[str, Any]:
    return {
        "service": asked.service,
        "kind": asked.kind.value,
        "operation": asked.operation,
        "request_id": asked.request_id,
        "dag_id": asked.dag_id,
        "run_id": asked.run_id,
        "new": started.new,
    }


def _tell(asked: Asked, started: Started, followed: Followed, as_json: bool) -> None:
    code = OF_ENDING[followed.ending]
    document = followed.sight.document if followed.sight else None
    lost = followed.ending is Ending.LOST_SIGHT
    headline = {} if lost else (document or {}).get("headline") or {}  # what was seen last may hold no longer
    about = (document or {}).get("operation") or {}
    facts = {
        **_about(asked, started),
        "ending": followed.ending.value,
        "exit_code": code.value,
        "outcome": about.get("outcome"),
        "rung": ((document or {}).get("ladder") or {}).get("rung"),
        "run_state": followed.sight.run_state if followed.sight else None,
        "why": followed.why or about.get("why_back") or (followed.sight.refusal if followed.sight else ""),
        "changed": headline.get("changed") or TABLE[code].changed,
        "safe": headline.get("safe"),
        "next": _next(asked, followed, headline),
    }
    if as_json:
        print(json.dumps(facts, ensure_ascii=False))
        return
    print(f"{asked.operation}: {headline.get('title') or TABLE[code].meaning}")
    if facts["why"]:
        print(f"  why:                  {facts['why']}")
    print(f"  did anything change?  {facts['changed']}")
    if facts["safe"]:
        print(f"  is it safe?           {facts['safe']}")
    print(f"  what next?            {facts['next']}")
    print(f"  exit code:            {code.value} ({TABLE[code].meaning})")


def _next(asked: Asked, followed: Followed, headline: Mapping[str, Any]) -> str:
    if followed.ending in (Ending.RUNS, Ending.WAITS, Ending.LOST_SIGHT):
        return f"follow it: {again(asked)}"
    return str(headline.get("next") or TABLE[OF_ENDING[followed.ending]].next)


def _seconds(timeout: str | None) -> float | None:
    try:
        return parse_duration(timeout) if timeout is not None else None
    except ValueError as error:
        raise Refused(f"--timeout: {error}", next_step="like 90s, 45m or 2h") from None
