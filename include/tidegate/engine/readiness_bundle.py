"""Is there a break-glass bundle, and is it of today's policy? A place of its own in the evaluation of readiness."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from tidegate.engine.facts import ServiceFacts
from tidegate.engine.readiness_item import Item, item
from tidegate.engine.signatures import keys_of
from tidegate.engine.world import World
from tidegate.errors import Refused
from tidegate.plan.begun import plans_of
from tidegate.policy.quantities import duration_text

FOLDER, MANIFEST = "break-glass", "manifest.json"
FRESH_FOR = 86400.0  # seconds: what the journal holds of the service's facts moves on


def bundle_file(home: Path, service: str) -> Path:
    """Where the newest bundle is kept; copies belong to where nothing of the service's runs."""
    return home / FOLDER / f"{service}.tar.gz"


def manifest_of(file: Path) -> Mapping[str, Any]:
    """What a bundle says of itself. Raises :class:`Refused` for what is no bundle."""
    try:
        with tarfile.open(file, "r:gz") as archive:
            member = archive.extractfile(MANIFEST)
            found = json.loads(member.read()) if member else None
    except (OSError, KeyError, ValueError, tarfile.TarError) as error:
        raise Refused(
            f"{file} is no break-glass bundle ({type(error).__name__})", next_step=_again("<service>")
        ) from None
    if not isinstance(found, dict) or "policy_digest" not in found:
        raise Refused(f"{file} is no break-glass bundle", next_step=_again("<service>"))
    return found


def break_glass_bundle(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Asked of a service that can move: whoever moves it may have nothing else."""
    if world.policy.failover is not None:
        yield item("break-glass bundle", partial(look, world), _again(world.policy.service))
        yield item("runbook", partial(_runbook, world), _again(world.policy.service))


def look(world: World) -> str:
    """What there is, in words. Raises :class:`Refused` where it is missing, of another policy, or too old."""
    service, file = world.policy.service, bundle_file(world.estate.site.root, world.policy.service)
    if not file.exists():
        raise Refused(f"there is no break-glass bundle at {file}", next_step=_again(service))
    found = manifest_of(file)
    if (found["policy_digest"], found.get("people")) != (world.policy_digest, dict(keys_of(world.policy))):
        raise Refused("the break-glass bundle is of another policy than today's", next_step=_again(service))
    age = world.clock.now() - file.stat().st_mtime
    if age > FRESH_FOR:
        raise Refused(f"the break-glass bundle is {duration_text(round(age))} old", next_step=_again(service))
    return f"{found['policy_digest']}, up to row {found['head']['seq']}"


def _runbook(world: World) -> str:
    """The runbooks in the bundle are of the plans that would run today: another Tidegate makes other plans of the same
    policy."""
    file = bundle_file(world.estate.site.root, world.policy.service)
    if not file.exists():
        raise Refused(f"there are no runbooks at {file}")
    written = manifest_of(file).get("plans") or {}
    now = {kind: plan.digest for kind, plan in plans_of(world.policy, world.policy_digest).items()}
    stale = sorted(kind for kind in {*now, *written} if written.get(kind) != now.get(kind))
    if stale:
        raise Refused(f"the runbooks in {file} are of other plans than today's: {', '.join(stale)}")
    return f"{len(now)} runbooks are of today's plans"


def _again(service: str) -> str:
    return f"tidegate bundle {service} --out FILE.tar.gz, and put it where nothing of the service's runs"
