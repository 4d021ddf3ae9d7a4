"""Before anything is touched: the candidate's migrations can be undone, and both releases work on the expanded schema.

Everything happens in scratch databases, on a copy of the schema and a sample of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidegate.drivers.migrations.contract import Act
from tidegate.errors import Refused
from tidegate.journal.model import EventKind
from tidegate.model.migration import Proof, Reversible
from tidegate.model.release import Release
from tidegate.steps.contract import Look, Result, StepWorld, Verb
from tidegate.steps.record import Record
from tidegate.steps.schema_range import Range, driver, expand_range


class ProveMigrations(Record):
    """``args``: ``prove``, ``irreversible`` (``refuse`` or ``gate``), ``large_table``, ``sample``.

    The facts hold the revision from before (``at``), which is where a way back goes, and whether somebody is to be
    asked (``ask``)."""

    def describe(self, args: Mapping[str, Any]) -> str:
        if not args["prove"]:
            return "NOT PROVED: the policy has switched off the proof that migrations can be undone"
        return (
            "prove on a scratch copy that the candidate's migrations can be undone, and that both releases' smoke "
            "tests pass on the expanded schema and on the candidate's rows"
        )

    def verify(self, args: Mapping[str, Any], world: StepWorld, look: Look) -> Result:
        candidate = world.release("candidate")
        found = expand_range(world, candidate, driver(world).observe().revision)
        facts: dict[str, Any] = {"at": found.at, "to": found.to, "revisions": list(found.revisions), "ask": False}
        if not args["prove"]:
            return _not_proved(found, facts)
        details = [found.why]
        if found.revisions:
            proof = driver(world).prove(found.files, found.to, int(args["sample"]))
            wrong = faults(proof, int(args["large_table"]))
            if wrong and args["irreversible"] == "refuse":
                raise Refused("; ".join(wrong), next_step=_NEXT)
            facts |= {"proof": [_row(one) for one in proof.revisions], "ask": bool(wrong), "faults": wrong}
            details = [f"{len(proof.revisions)} revisions tried up, down and up again ({proof.compared_by})", *wrong]
        details.append(self._smoke(world, candidate, found, int(args["sample"])))
        return Result("; ".join(one for one in details if one), facts)

    def _smoke(self, world: StepWorld, candidate: Release, found: Range, sample: int) -> str:
        stable = world.binding.stable
        acts = smoke_acts(world, candidate, stable, found)
        for acted in driver(world).rehearse(found.files, found.to, acts, sample) if acts else ():
            if not acted.passed:
                raise Refused(
                    f"smoke test on the schema at {found.to}: {acted.act}, and that fails: {acted.output}",
                    next_step="mend the candidate: the stable release has to work beside it and after it",
                )
        return f"smoke tests passed: {', '.join(map(str, acts))}" if acts else "no release names a smoke test"


def smoke_acts(world: StepWorld, candidate: Release, stable: Release, found: Range) -> list[Act]:
    """The candidate writes, the stable release writes, and each reads what both wrote; less who names no smoke test."""
    files = {candidate.version: found.files}
    if stable.smoke:
        files[stable.version] = world.estate.artifacts.fetch(stable)
    order = ((candidate, "write"), (stable, "write"), (stable, "read"), (candidate, "read"))
    return [Act(one.version, mode, one.smoke, files[one.version]) for one, mode in order if one.smoke]


def faults(proof: Proof, large_table: int) -> list[str]:
    """What is wrong, one line each. Pure."""
    found = [f"migration {one.revision} {_WORDS[one.reversible]}: {one.why}" for one in proof.irreversible]
    found += [
        f"a statement would block {block.relation} ({block.rows:,} rows): {block.statement}"
        for block in proof.blocking(large_table)
    ]
    return found


_WORDS = {
    Reversible.LOSSY: "loses data",
    Reversible.NO: "cannot be undone",
    Reversible.FAILS: "does not run",
}
_NEXT = (
    "look: tidegate migrations prove; mend the downgrade or split the migration, or let people decide with "
    "migrations.irreversible: gate"
)


def _row(one: Any) -> dict[str, Any]:
    return {"revision": one.revision, "reversible": one.reversible.value, "lost": list(one.lost), "why": one.why}


def _not_proved(found: Range, facts: dict[str, Any]) -> Result:
    said = f"NOT PROVED that {', '.join(found.revisions) or 'nothing'} can be undone: the policy switched the proof off"
    records = ((EventKind.NOTE, {"what": said}),) if found.revisions else ()
    return Result(said if found.revisions else found.why, facts, records)


VERB: Verb = ProveMigrations()
