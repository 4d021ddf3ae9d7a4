"""What the journal knows of a service: a fold over its events, to be had again by replay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tidegate.journal.model import Event, EventKind
from tidegate.model.binding import release_from_json
from tidegate.model.flags import FlagFact, Setting
from tidegate.model.mix import vetoed_part
from tidegate.model.placement import Placement
from tidegate.model.release import Release
from tidegate.model.topology import Slot

FACT_KINDS = frozenset(
    {
        EventKind.BASELINE_CERTIFIED,
        EventKind.BASELINE_RESTORED,
        EventKind.CATALOG_ENTERED,
        EventKind.RELEASE_VETOED,
        EventKind.CONTRACT_COMPLETED,
        EventKind.FLAGS_SET,
        EventKind.FLAG_RETIRED,
        EventKind.PLACEMENT_RECORDED,
    }
)


@dataclass(frozen=True)
class Baseline:
    """A certified release, the slot it was certified in, and the row that says so."""

    release: Release
    slot: Slot
    at: float
    seq: int
    operation: str | None


@dataclass(frozen=True)
class ServiceFacts:
    """``stable`` None: nothing has been adopted yet. ``baselines``: oldest first, each digest once, newest row wins.
    ``left``: digests that a rollback has left and that were not certified again since. ``flags``: each as it
    was last set; ``retired_flags``: keys that are never used again. ``placement``: where the service was last
    moved, or protected; None: as the policy has it."""

    stable: Release | None = None
    stable_slot: Slot | None = None
    baselines: tuple[Baseline, ...] = ()
    vetoed: frozenset[str] = frozenset()
    catalog: tuple[Mapping[str, Any], ...] = ()
    left: frozenset[str] = frozenset()
    flags: Mapping[str, FlagFact] = field(default_factory=dict)
    retired_flags: frozenset[str] = frozenset()
    contracts: tuple[Mapping[str, Any], ...] = ()
    placement: Placement | None = None

    @property
    def closed(self) -> dict[str, Mapping[str, Any]]:
        """Digest of a baseline that no way leads back to -> the completed contract that has closed it."""
        return {digest: contract for contract in self.contracts for digest in contract["closes"]}

    def revision_of(self, release: Release) -> str:
        """Where the schema has to be for this release: what it needs, or its contract if that was completed."""
        mine = [c["revision"] for c in self.contracts if c["release"]["digest"] == release.digest]
        return mine[-1] if mine else release.schema_revision

    def baseline(self, version: str) -> Baseline | None:
        """The newest baseline of that version."""
        return next((b for b in reversed(self.baselines) if b.release.version == version), None)

    def target_before(self, digest: str) -> Baseline | None:
        """The newest baseline that is neither this digest nor vetoed: where a rollback goes by default. One that was
        left by a rollback itself comes last: nobody goes back to what was taken back, unless there is nothing else."""
        others = (b for b in reversed(self.baselines) if b.release.digest != digest)
        fit = [b for b in others if not vetoed_part(b.release, self.vetoed)]
        return next(iter(sorted(fit, key=lambda b: b.release.digest in self.left)), None)


def fold_facts(events: Iterable[Event]) -> ServiceFacts:
    """Replay. Events of other kinds are passed over."""
    facts = ServiceFacts()
    for event in events:
        facts = _apply(facts, event)
    return facts


def _apply(facts: ServiceFacts, event: Event) -> ServiceFacts:
    body = event.body
    if event.kind is EventKind.CATALOG_ENTERED:
        entry = {**body, "at": event.at, "operation": event.operation, "seq": event.seq}
        return replace(facts, catalog=(*facts.catalog, entry))
    if event.kind is EventKind.CONTRACT_COMPLETED:
        return replace(facts, contracts=(*facts.contracts, {**body, "at": event.at, "operation": event.operation}))
    if event.kind is EventKind.RELEASE_VETOED:
        return replace(facts, vetoed=facts.vetoed | {body["digest"]})
    if event.kind is EventKind.FLAGS_SET:
        return replace(facts, flags={**facts.flags, **_flags(body)})
    if event.kind is EventKind.FLAG_RETIRED:
        return replace(facts, retired_flags=facts.retired_flags | {body["flag"]})
    if event.kind is EventKind.PLACEMENT_RECORDED:
        return replace(facts, placement=Placement.from_json(body))
    if event.kind not in FACT_KINDS:
        return facts
    release, slot = release_from_json(body["release"]), Slot(body["slot"])
    before = facts.stable
    facts = replace(facts, stable=release, stable_slot=slot, left=facts.left - {release.digest})
    if event.kind is EventKind.BASELINE_RESTORED:
        gone = {before.digest} - {release.digest} if before else set()
        return replace(facts, left=facts.left | gone)
    others = tuple(b for b in facts.baselines if b.release.digest != release.digest)
    return replace(facts, baselines=(*others, Baseline(release, slot, event.at, event.seq, event.operation)))


def _flags(body: Mapping[str, Any]) -> dict[str, FlagFact]:
    return {
        key: FlagFact(Setting.from_json(row["now"]), Setting.from_json(row["before"]), body["version"])
        for key, row in body["flags"].items()
    }
