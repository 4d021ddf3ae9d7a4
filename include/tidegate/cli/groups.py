"""``tidegate run … --group``, ``tidegate status --group`` and ``tidegate group …``: services that move together."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

import typer

from tidegate.cli.exit_codes import ExitCode
from tidegate.cli.person import Why, account, actor, why
from tidegate.cli.reading import reading_journal
from tidegate.cli.requests import By
from tidegate.cli.service import find_paper, find_world
from tidegate.engine.group_view import GroupView
from tidegate.engine.groups import DONE, MOVED, GroupRequest, decide_group, latest, open_group, read_group
from tidegate.engine.requires import said_by_policies, together
from tidegate.errors import JournalError, Refused
from tidegate.journal.store import Journal
from tidegate.model.operation import OperationKind, group_dag_id
from tidegate.plan.group import Heading
from tidegate.policy import places
from tidegate.policy.group_folder import load_groups
from tidegate.policy.groups import Group
from tidegate.policy.likely import likely
from tidegate.policy.requires import requirements
from tidegate.policy.schema import Policy
from tidegate.report.group_status import again, group_document, group_lines

GroupOption = Annotated[str | None, typer.Option("--group", help="Instead of one service: a group of them.")]
Name = Annotated[str, typer.Argument(help="The group's name, as in policies/groups.")]
Without = Annotated[
    list[str] | None, typer.Option("--without", help="A member that failed, to be left out; may be given again.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON value, for scripts.")]

app = typer.Typer(help="A group of services: how it stands, and what a person decides.", no_args_is_help=True)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="group")


def find_group(name: str) -> tuple[Group, Mapping[str, Policy]]:
    """The group, and its members' policies; of a broken file, its last good state. Raises :class:`Refused`."""
    found = load_groups(places.policy_folder(), places.snapshots(), record=False)
    for loaded in found.groups:
        if loaded.group.group == name:
            return loaded.group, {service: found.policies[service].policy for service in loaded.group.services}
    hint = likely(name, [one.group.group for one in found.groups])
    told = "; ".join(error.message for error in found.errors[:2])
    raise Refused(
        f"there is no group {name!r} in {places.policy_folder() / 'groups'}" + (f" ({told})" if told else ""),
        next_step=hint or "write one: docs/how-to/groups.md",
    )


def one_of(service: str | None, group: str | None) -> None:
    """Raises :class:`Refused` unless exactly one of them is named."""
    if (service is None) == (group is None):
        raise Refused("name a service, or --group and a group's name", next_step="one of the two")


def move_group_here(
    name: str, kind: OperationKind, to: str | None, by: str | None, reason: str, request_id: str | None
) -> NoReturn:
    """Open it, or find it open, and carry it on in this process; exits with how it stands."""
    group, policies = find_group(name)
    person, rid = by or account(), request_id or str(uuid.uuid4())
    request = GroupRequest(kind, f"{group_dag_id(kind, name)}/request__{rid}", person, reason, to)
    journal = _journal(group)
    view = open_group(journal, group, policies, request, actor=actor(person))
    typer.echo(f"{view.id}: {', '.join(view.shape.names)}")
    _carry(journal, group, view, person)


def roll_back_together(service: str, to: str | None, by: str | None, reason: str, request_id: str | None) -> NoReturn:
    """The service, and whoever could not do with the release that it goes back to, those first; exits with how it
    stands. Raises :class:`Refused` where they are not of one group, or no baseline would do."""
    group, policies = _group_with(service)
    journal, person, rid = _journal(group), by or account(), request_id or str(uuid.uuid4())
    releases = together(journal, said_by_policies(), service, to)
    if strangers := sorted(set(releases) - set(group.services)):
        raise Refused(
            f"{', '.join(strangers)} requires it too, and is not in the group {group.group}",
            next_step=f"first: tidegate rollback {strangers[0]} --to {releases[strangers[0]]} --reason <why>",
        )
    needs = {name: tuple(r.service for r in requirements(policies[name]) if r.service in releases) for name in releases}
    typer.echo(", ".join(f"{name} to {version}" for name, version in releases.items()))
    kind = OperationKind.ROLLBACK
    asked = f"{group_dag_id(kind, group.group)}/request__{rid}"
    request = GroupRequest(kind, asked, person, reason, releases=releases, needs=needs)
    view = open_group(journal, group, policies, request, actor=actor(person))
    _carry(journal, group, view, person)


def _group_with(service: str) -> tuple[Group, Mapping[str, Policy]]:
    found = load_groups(places.policy_folder(), places.snapshots(), record=False)
    for loaded in found.groups:
        if service in loaded.group.services:
            return find_group(loaded.group.group)
    raise Refused(
        f"{service} is in no group, so nothing is taken back together with it",
        next_step="take back what requires it first, one by one; or write a group: docs/how-to/groups.md",
    )


@app.command("carry")
def carry(group: Name, reason: Why = "", by: By = None) -> None:
    """Carry the group's open operation on from here, without Airflow. Whoever carried a member is refused from now."""
    found, _ = find_group(group)
    journal, person = _journal(found), by or account()
    why(reason)
    _carry(journal, found, _open_one(journal, group), person)


@app.command("go-on")
def go_on(group: Name, reason: Why = "", without: Without = None, by: By = None) -> None:
    """Go on: what failed is tried again, or left out. Whoever carries the operation goes on by that."""
    _decide(group, Heading.THERE, without or [], by, why(reason))


@app.command("go-back")
def go_back(group: Name, reason: Why = "", without: Without = None, by: By = None) -> None:
    """Go back: whoever has moved returns, in reverse. Whoever carries the operation goes on by that."""
    _decide(group, Heading.BACK, without or [], by, why(reason))


@app.command("show")
def show(group: Name, as_json: AsJson = False) -> None:
    """As `tidegate status --group`: each member, where it is, what is next, who waits for whom."""
    show_group(group, as_json)


def show_group(name: str, as_json: bool) -> None:
    """The group's open operation, or its last one. Reads the journal only."""
    journal = reading_journal()
    operation = latest(journal, name)
    if operation is None:
        find_group(name)  # or there is no such group at all
        typer.echo(json.dumps(None) if as_json else f"{name}: no operation of the group yet")
        return
    document = group_document(journal, read_group(journal, name, operation), time.time())
    typer.echo(json.dumps(document) if as_json else "\n".join(group_lines(document)))


def _decide(name: str, heading: Heading, without: list[str], by: str | None, reason: str) -> None:
    group, policies = find_group(name)
    journal, person = _journal(group), by or account()
    operation = _open_one(journal, name).id
    by_whom: dict[str, Any] = {"person": person, "reason": reason, "actor": actor(person)}
    view = decide_group(journal, group, policies, operation, heading, without=without, **by_whom)
    typer.echo("\n".join(group_lines(group_document(journal, view, time.time()))))
    if not view.closed:
        typer.echo(f"its run in Airflow goes on by itself; without Airflow: {again(view)}")


def _open_one(journal: Journal, group: str) -> GroupView:
    operation = latest(journal, group)
    view = read_group(journal, group, operation) if operation else None
    if view is None or view.closed:
        raise Refused(f"no operation of {group} is open", next_step=f"tidegate status --group {group}")
    return view


def _journal(group: Group) -> Journal:
    return find_paper(next(iter(group.services))).journal


def _carry(journal: Journal, group: Group, view: GroupView, person: str) -> NoReturn:
    from tidegate.engine.group_run import Carrier, carry_group

    worlds = {name: find_world(name) for name in view.shape.names}
    carrier = Carrier(journal, worlds.__getitem__, person, actor(person), say=typer.echo)
    try:
        ended = carry_group(carrier, group.group, view.id)
    except (KeyboardInterrupt, JournalError):
        typer.echo(f"\n{view.id}: not carried on here any more. To go on: {again(view)}", err=True)
        raise
    typer.echo("\n".join(group_lines(group_document(journal, ended, time.time()))))
    raise typer.Exit(_code(ended))


def _code(view: GroupView) -> ExitCode:
    if view.closed:
        return ExitCode.OK if view.outcome in (MOVED, DONE) else ExitCode.TURNED_BACK
    return ExitCode.NEEDS_PERSON
