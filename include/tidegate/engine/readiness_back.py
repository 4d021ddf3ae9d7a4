"""Whether the service could go back: each of the last three baselines is fetched and verified with each region away in
turn; whatever is reached by a connection of that region does not answer. What each needs beside its files is looked for
as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from tidegate.drivers import registry
from tidegate.drivers.artifacts.contract import Artifacts
from tidegate.drivers.credentials import SCHEME, Credential, Resolver, connection_name
from tidegate.engine.facts import Baseline, ServiceFacts
from tidegate.engine.readiness_item import Item, State, item, red
from tidegate.engine.world import World
from tidegate.errors import Refused, Rejected, Unreachable
from tidegate.journal.model import EventKind
from tidegate.model.release import Release, SecretVersion
from tidegate.policy.schema import Policy

KEPT = 3  # baselines that must be ready


def way_back(world: World, facts: ServiceFacts, actor: str) -> Iterator[Item]:
    """Baselines, and for each its files, secrets, flags and schema; then the control of the regions that are left."""
    fit = [b for b in facts.baselines if b.release.digest not in facts.vetoed | set(facts.closed)][-KEPT:]
    yield _enough(fit, facts)
    for baseline in reversed(fit):
        yield from _of_baseline(world, facts, baseline.release, actor)
    for region in world.policy.shares:
        yield item("regions", partial(_others, world, region), "see to its control", away=region)


def _of_baseline(world: World, facts: ServiceFacts, release: Release, actor: str) -> Iterator[Item]:
    of = release.version
    for region in world.policy.shares:
        files = partial(_files, world, release, region)
        yield item("files", files, "put the certified files back", of=of, away=region)
    yield item("secrets", partial(_secrets, world, release, actor), "put the entry back into the vault", of=of)
    yield item("flags", partial(_flags, world, release), "give the flag back, or veto this baseline", of=of)
    yield item("schema", partial(_schema, world, facts, release), "keep the revisions' files", of=of)


def _enough(fit: list[Baseline], facts: ServiceFacts) -> Item:
    """A young service has fewer than three, and is not blamed for that; but one has to be there besides what runs."""
    names = ", ".join(b.release.version for b in reversed(fit)) or "none"
    targets = [b for b in fit if facts.stable is None or b.release.digest != facts.stable.digest]
    if not targets:
        return red(
            "baselines",
            f"there is none to go back to (certified, not vetoed, before no completed contract: {names})",
            "promote a release: what runs now is then the baseline to go back to",
        )
    return Item("baselines", State.READY, f"{names}; {KEPT} are kept ready")


def _files(world: World, release: Release, away: str) -> str:
    """As the way back would: signatures, digest, every file; the configuration is one of them."""
    artifacts = artifacts_without(world, away)
    found = artifacts.verify(release.version)
    if found.digest != release.digest:
        raise Rejected(f"on offer is {found.digest}, certified was {release.digest}")
    artifacts.fetch(release)
    configured = f", configuration {release.configuration}" if release.configuration else ""
    return f"{release.digest}{configured}"


def _secrets(world: World, release: Release, actor: str) -> str:
    for secret in release.secrets:
        world.estate.site.vault(secret)
        _note_read(world, secret, actor)
    return ", ".join(map(str, release.secrets)) or "it takes none"


def _note_read(world: World, secret: SecretVersion, actor: str) -> None:
    body = {
        "name": secret.name,
        "version": secret.version,
        "purpose": "readiness",
        "regions": list(world.policy.shares),
    }
    with world.journal.locked(world.service) as txn:
        txn.append(EventKind.SECRET_READ, body, actor=actor)


def _flags(world: World, release: Release) -> str:
    if not release.flags:
        return "it asks for none"
    if world.estate.flags is None:
        raise Refused("it asks for flags, and the policy has no driver for them", next_step="add drivers.flags")
    state = world.estate.flags.observe()
    if state.broken:
        raise Rejected(f"the source of flags cannot be understood: {state.broken}")
    for key in release.flags:
        if key in state.retired or key in state.foreign:
            raise Refused(f"flag {key} is {'retired' if key in state.retired else 'not ours'}")
    told = (f"{key}: {state.flags[key]}" if key in state.flags else f"{key}: by its default" for key in release.flags)
    return "; ".join(told)


def _schema(world: World, facts: ServiceFacts, release: Release) -> str:
    """The way down from where the schema is to what the baseline needs, by the files of what runs."""
    needed = facts.revision_of(release)
    if world.estate.migrations is None or not needed:
        return "it names no revision"
    now = world.estate.migrations.observe().revision
    if now == needed:
        return f"the schema is at {now}, as it needs"
    holder = facts.stable or release
    down = world.estate.migrations.between(world.estate.artifacts.fetch(holder), needed, now)
    if not down:
        raise Refused(
            f"no way down from {now} to {needed} is in the files of {holder.version}",
            next_step="veto this baseline, or promote a release that holds the revisions between",
        )
    return f"down from {now} over {len(down)} revision(s) to {needed}"


def _others(world: World, away: str) -> str:
    """Everything that a way back needs of the regions that are left."""
    world.estate.traffic.ping()
    left = [region for region in world.policy.shares if region != away]
    for region in left:
        world.estate.compute.ping(region)
    return f"router and control answer in {', '.join(left) or 'no other region'}"


def artifacts_without(world: World, away: str) -> Artifacts:
    """The artifacts driver, connected anew where no connection of that region answers."""
    site = world.estate.site
    there = replace(site, resolve=_cut(site.resolve, connections_of(world.policy, away), away), vault=site.vault)
    made: Artifacts = registry.connect("artifacts", world.policy.drivers.artifacts.model_dump(), there)
    return made


def connections_of(policy: Policy, region: str) -> frozenset[str]:
    """Names of the connections that the policy's drivers reach this region by. Pure."""
    return frozenset(_named(policy.drivers.model_dump(), region))


def _named(value: Any, region: str) -> Iterator[str]:
    for key, inner in value.items() if isinstance(value, Mapping) else ():
        if key == region and isinstance(inner, str) and inner.startswith(SCHEME):
            yield connection_name(inner)
        yield from _named(inner, region)


def _cut(resolve: Resolver, names: frozenset[str], region: str) -> Resolver:
    def ask(reference: str) -> Credential:
        if connection_name(reference) in names:
            raise Unreachable(f"{reference} leads to {region}, which is thought away")
        return resolve(reference)

    return ask
