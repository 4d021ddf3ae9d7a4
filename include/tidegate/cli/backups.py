"""``tidegate backup | backups | restore | keep-backups``: the data of a time before it was spoilt, beside the live."""

from __future__ import annotations

import json
import logging
import signal
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.operations import AsJson, Service
from tidegate.cli.person import By, Reason, actor
from tidegate.cli.service import find_policy, find_world
from tidegate.errors import Refused

if TYPE_CHECKING:
    from tidegate.drivers.backups.contract import Backup, BackupState, Restored, TableDifference
    from tidegate.engine.backups import Found

log = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    for command in (backup, backups, restore, keep_backups):
        app.command(command.__name__.replace("_", "-"))(command)


def backup(service: Service, by: By, reason: Reason, as_json: AsJson = False) -> None:
    """Take a base backup now and read it in full. The oldest ones beyond `backups.keep` go, after that."""
    from tidegate.engine import backups as engine

    taken = engine.take(find_world(service), person=by, reason=reason, actor=actor(by))
    typer.echo(json.dumps(taken.to_json()) if as_json else f"{service}: {_backup(taken)}")


def backups(service: Service, as_json: AsJson = False) -> None:
    """Every base backup, how far the archive of the log has come, and what is restored beside. Changes nothing."""
    from tidegate.engine import backups as engine

    state, restored = engine.look(find_world(service))
    if as_json:
        typer.echo(json.dumps(_document(state, restored)))
        return
    for line in _state(service, state, restored):
        typer.echo(line)


def restore(
    service: Service,
    by: By,
    reason: Reason,
    to: Annotated[str, typer.Option("--to", help="A time with its zone, like 2026-05-04T16:20:00Z; or latest.")] = "",
    discard: Annotated[str, typer.Option("--discard", help="Stop this restored database and remove its files.")] = "",
    swap: Annotated[
        str, typer.Option("--swap", help="Put this restored database in the live one's place: people sign first.")
    ] = "",
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="With --swap: the same on every retry of one request.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Restore the data of a time beside the live database, run the data checks on it, and say how the two differ.

    The live database is not touched. The restored one takes no writes; it stays until it is discarded. Exits with 6 if
    a check is not passed. With --swap a restored database takes the live one's place, which is kept: what is lost by
    it is counted first, and people sign for it (tidegate approve OPERATION --sign KEYFILE).
    """
    from tidegate.engine import backups as engine
    from tidegate.model.verdict import Verdict

    if sum(map(bool, (to, discard, swap))) != 1:
        raise Refused("restore what?", next_step="--to TIME (or --to latest), else --swap ID, else --discard ID; one")
    if swap:
        _swap(service, swap, by, reason, request_id)
    at = None if to in ("", "latest") else time_of(to)
    world = find_world(service)
    if discard:
        engine.discard(world, discard, person=by, reason=reason, actor=actor(by))
        typer.echo(f"{service}: {discard} is gone")
        return
    found = engine.restore(world, at, person=by, reason=reason, actor=actor(by))
    typer.echo(json.dumps(found.to_json()) if as_json else "\n".join(_found(service, found)))
    if found.report.verdict is not Verdict.PASS:
        raise typer.Exit(ExitCode.LOOK_FIRST)


def _swap(service: str, restored: str, by: str, reason: str, request_id: str | None) -> NoReturn:
    from tidegate.cli.from_here import carry_out
    from tidegate.engine.open import Request
    from tidegate.model.operation import OperationKind
    from tidegate.plan.restore import restore_plan

    loaded, world = find_policy(service), find_world(service)
    request = Request(OperationKind.RESTORE, request_id or str(uuid.uuid4()), by, reason, restored)
    plan = restore_plan(loaded.policy, loaded.digest)
    carry_out(world, request, plan, lambda view: f"{restored} in the place of {view.binding.source}'s database")


def keep_backups(service: Service) -> None:
    """Archive the log of one service's database, and take a backup whenever one is due, until Ctrl-C.

    Run it where the backups are: outside the regions.
    """
    from tidegate.engine.backups import backups_of

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    world, stop = find_world(service), threading.Event()
    driver, rules = backups_of(world), world.policy.backups
    assert rules is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    typer.echo(f"keeping the backups of {service}; Ctrl-C ends it")
    driver.keep_up(stop, log.info, every=rules.every, keep=rules.keep)


def time_of(text: str) -> float:
    """Epoch seconds. Raises :class:`Refused` for a time without a zone: at 3 a.m. nobody should have to guess it."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is no time", next_step="write it like 2026-05-04T16:20:00Z, or latest") from None
    if found.tzinfo is None:
        raise Refused(f"{text!r} has no zone", next_step=f"write {text}Z for UTC, or {text}+02:00")
    return found.timestamp()


def _found(service: str, found: Found) -> Iterator[str]:
    one = found.restored
    yield f"{service}: {one.id} is restored beside the live database, which was not touched"
    yield f"  it answers on {one.host}:{one.port}, takes no writes; made of backup {one.backup} in {one.seconds:.1f} s"
    asked = "" if one.asked is None else f", asked was {_when(one.asked)}"
    last = "none since the backup" if one.reached is None else _when(one.reached)
    yield f"  last transaction committed: {last}{asked}"
    passed = sum(result.status.value == "passed" for result in found.report.results)
    yield f"  checks: {passed} of {len(found.report.results)} passed (run {found.report.run_id})"
    for result in found.report.results:
        if result.status.value != "passed":
            yield f"    {result.id}: {result.status.value}: {result.detail or result.observed}"
    if found.left_out:
        yield f"    not asked, as what they compare with is not there: {', '.join(found.left_out)}"
    if found.tables is None:
        yield f"  {found.why}"
    for table in found.tables or ():
        yield f"  {_table(table)}"
    yield f"next: look at it; then tidegate restore {service} --discard {one.id} --reason WHY"
    if found.report.verdict.value == "pass":
        yield f"      as a whole into the live one's place: tidegate restore {service} --swap {one.id} --reason WHY"


def _table(one: TableDifference) -> str:
    if one.live is None or one.restored is None:
        return f"{one.table}: only in the {'restored' if one.live is None else 'live'} database"
    if one.same:
        return f"{one.table}: the same {one.live} rows"
    lost = f"{one.only_live} as they are live are not in it, {one.only_restored} of its rows are not so in the live one"
    return f"{one.table}: {one.live} rows live, {one.restored} restored; {lost}"


def _state(service: str, state: BackupState, restored: tuple[Restored, ...]) -> Iterator[str]:
    for one in state.backups:
        yield _backup(one)
    if not state.backups:
        yield f"{service}: there is no backup"
    trouble = f"; it does not go on: {state.trouble}" if state.trouble else ""
    yield f"archive of the log: everything until {_when(state.archived_until)}{trouble}"
    if state.gap:
        yield f"  with a gap: {state.gap}"
    for beside in restored:
        runs = f"{beside.host}:{beside.port}" if beside.runs else "does not run"
        yield f"restored beside: {beside.id} ({runs}), {_when(beside.reached)}"


def _backup(one: Backup) -> str:
    told = "can be read" if one.readable else f"CANNOT BE READ: {one.why}"
    took = f"{one.size_bytes / 1e6:.1f} MB from {one.source} in {one.ended - one.started:.1f} s"
    return f"{one.id}  ended {_when(one.ended)}  {took}, {told}; read in full {_when(one.read_at)}"


def _when(at: float | None) -> str:
    return "never" if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _document(state: BackupState, restored: tuple[Restored, ...]) -> dict[str, object]:
    return {
        "backups": [one.to_json() for one in state.backups],
        "archived_until": state.archived_until,
        "gap": state.gap,
        "trouble": state.trouble,
        "restored": [one.to_json() for one in restored],
    }
