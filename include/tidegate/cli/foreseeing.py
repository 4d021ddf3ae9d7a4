"""``tidegate rollback --preview`` and ``--without-airflow``: what it would do, and doing it from this terminal."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import asdict

import typer

from tidegate.cli.person import account
from tidegate.cli.service import find_policy, find_world
from tidegate.engine.open import Request
from tidegate.engine.preview import CHANGE, FORBIDDEN, LATER, NOTHING, UNSEEN, WAITS, Preview, preview_rollback
from tidegate.errors import Refused
from tidegate.model.operation import OperationKind
from tidegate.plan.rollback import rollback_plan

_SIGNS = {
    CHANGE: "would change",
    NOTHING: "nothing to do",
    LATER: "later",
    WAITS: "waits",
    UNSEEN: "NOT SEEN",
    FORBIDDEN: "REFUSED",
}


def preview(service: str, to: str | None, as_json: bool) -> None:
    """Print what a rollback would do now. Raises :class:`Refused` if it could not begin or not end."""
    found = preview_rollback(find_world(service), to)
    typer.echo(json.dumps({**asdict(found), "refusals": list(found.refusals)}) if as_json else "\n".join(_words(found)))
    if found.refusals:
        raise Refused(f"it would be refused: {'; '.join(found.refusals)}", next_step=f"look: tidegate status {service}")


def _words(found: Preview) -> Iterator[str]:
    yield f"rollback of {found.service}: {found.leaves} would be left, {found.target} would take all traffic"
    for name, standing, digest in found.components:
        yield f"component {name}: {standing}, {digest}"
    if found.makes_room:
        yield f"first: {found.makes_room} would turn back and make room; it does by itself what it has to take back"
    yield f"ladder: {' -> '.join(found.rungs)}; the first rung that restores health and data is the last one taken"
    rung = None
    for node in found.nodes:
        if node.rung != rung:
            rung = node.rung
            yield f"{'rung ' + rung if rung else 'before and after the ladder'}:"
        yield f"  {_SIGNS[node.standing]:14} {node.node:26} {node.what}{f' ({node.why})' if node.why else ''}"
    for refusal in found.refusals:
        yield f"refused: {refusal}"
    yield "Did anything change? No: this only looked."


def roll_back_here(service: str, to: str | None, by: str | None, reason: str, fast_lane: bool, request_id: str) -> None:
    """Open a rollback and carry it to its end in this process; exits with how it ended."""
    from tidegate.cli.from_here import carry_out

    loaded, world = find_policy(service), find_world(service)
    rid = request_id or str(uuid.uuid4())
    request = Request(OperationKind.ROLLBACK, rid, by or account(), reason, to, fast_lane)
    plan = rollback_plan(loaded.policy, loaded.digest)
    carry_out(world, request, plan, lambda v: f"{v.binding.candidate_version} -> {v.binding.stable.version}")
