"""``tidegate run``: break-glass. An operation is opened and carried to its end in this process: the same plan, engine
and journal as in Airflow, of which nothing has to be alive."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Annotated

import typer

from tidegate.cli.foreseeing import roll_back_here
from tidegate.cli.from_here import carry_out
from tidegate.cli.groups import GroupOption, move_group_here, one_of, roll_back_together
from tidegate.cli.local_journal import begin_beside
from tidegate.cli.moving import Only, move_here
from tidegate.cli.person import Why, account, why
from tidegate.cli.requests import By, Exempt, FastTrack, RequestId, Service
from tidegate.cli.service import find_policy, find_world
from tidegate.engine.open import Request
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.promotion import promotion_plan

Together = Annotated[
    bool, typer.Option("--with-dependents", help="And first whoever requires a newer release of it, by its group.")
]
OrGroup = Annotated[str | None, typer.Argument(help="The service's name, as in its policy; or --group.")]
Region = Annotated[str | None, typer.Option("--to", help="The region to go to; by default the other one.")]
Local = Annotated[
    Path | None, typer.Option("--local-journal", help="A folder for a journal beside the one that is out of reach.")
]
Signed = Annotated[
    list[Path] | None, typer.Option("--signed-by", help="A private key NAME.pem, for --local-journal; two people's.")
]
Bundle = Annotated[
    Path | None, typer.Option("--bundle", help="The bundle to begin from; left out: the newest under TIDEGATE_HOME.")
]

app = typer.Typer(
    help="Break-glass: open an operation and carry it to its end here, without Airflow.", no_args_is_help=True
)


def register(parent: typer.Typer) -> None:
    parent.add_typer(app, name="run")


@app.command("promote")
def promote(
    service: Service,
    version: Annotated[str, typer.Argument(help="The release to promote, like 1.1.0.")],
    reason: Why = "",
    by: By = None,
    exempt: Exempt = None,
    fast_track: FastTrack = False,
    request_id: RequestId = None,
) -> None:
    """Promote a release from here. Approvals are answered by signature: tidegate approve OPERATION --sign KEYFILE."""
    loaded, world = find_policy(service), find_world(service)
    rid, person = request_id or str(uuid.uuid4()), by or account()
    request = Request(OperationKind.PROMOTION, rid, person, why(reason), version, exempt=exempt, fast_track=fast_track)
    plan = promotion_plan(loaded.policy, loaded.digest)
    carry_out(world, request, plan, lambda v: f"{v.binding.stable.version} -> {v.binding.candidate_version}")


@app.command("rollback")
def rollback(
    service: Service,
    reason: Why = "",
    to: Annotated[str | None, typer.Option("--to", help="A certified baseline; by default the one before.")] = None,
    fast_lane: Annotated[bool, typer.Option("--fast-lane", help="All traffic at once, even if it overruns.")] = False,
    by: By = None,
    request_id: RequestId = None,
    with_dependents: Together = False,
) -> None:
    """Roll the service back from here, rung by rung. What it outranks goes back first."""
    if with_dependents:
        if fast_lane:
            raise Refused("--fast-lane is of one service", next_step="leave it out")
        roll_back_together(service, to, by, why(reason), request_id)
    roll_back_here(service, to, by, why(reason), fast_lane, request_id or "")


@app.command("switchover")
def switchover(
    to: Annotated[str, typer.Option("--to", help="The region to go to.")],
    service: OrGroup = None,
    reason: Why = "",
    by: By = None,
    request_id: RequestId = None,
    group: GroupOption = None,
) -> None:
    """Move the service to its other region as planned, from here, losing nothing; also the way home."""
    _move(service, group, OperationKind.SWITCHOVER, to, by, why(reason), request_id)


@app.command("failover")
def failover(
    service: OrGroup = None,
    to: Region = None,
    reason: Why = "",
    by: By = None,
    only: Only = None,
    request_id: RequestId = None,
    local_journal: Local = None,
    signed_by: Signed = None,
    bundle: Bundle = None,
    group: GroupOption = None,
) -> None:
    """A region is lost: the other one takes over, from here, at once from whatever is under way.

    The journal is out of reach too? --local-journal DIR --signed-by ann.pem --signed-by ben.pem; taken in afterwards by
    `tidegate journal import DIR`.
    """
    reason = why(reason)
    one_of(service, group)
    if service is None and (local_journal or only):
        raise Refused("--local-journal and --only are of one service", next_step="move them one by one")
    if local_journal is not None and service is not None:
        begin_beside(service, local_journal, signed_by or [], bundle, by or account(), reason)
    elif signed_by or bundle:
        raise Refused("--signed-by and --bundle belong to --local-journal", next_step="add --local-journal DIR")
    part = only.value if only else ""
    _move(service, group, OperationKind.FAILOVER, to, by, reason, request_id, part)


@app.command("reprotect")
def reprotect(
    service: OrGroup = None, reason: Why = "", by: By = None, request_id: RequestId = None, group: GroupOption = None
) -> None:
    """The region that was lost is back: have it follow again, from here."""
    _move(service, group, OperationKind.REPROTECT, None, by, why(reason), request_id)


def _move(
    service: str | None, group: str | None, kind: OperationKind, to: str | None, by: str | None, reason: str,
    request_id: str | None, only: str = "",
) -> None:  # fmt: skip
    one_of(service, group)
    if group is not None:
        move_group_here(group, kind, to, by, reason, request_id)
    assert service is not None  # one of the two
    move_here(service, kind, to, by, reason, request_id, only)
