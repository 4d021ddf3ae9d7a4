"""A proof of migrations as a table for people, with what each line needs below it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tidegate.model.migration import Blocking, Lock, Proof, Reversible, RevisionProof

_HEAD = ("revision", "reversible?", "what is lost", "locks held until it commits")
_STRENGTH = (
    "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock",
    "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
_HARMLESS = ("RowShareLock", "RowExclusiveLock")
_WHY = {"rewrites": "rewrites", "scans": "reads all of", "updates": "updates rows of"}


def proof_table(proof: Proof, large: int) -> str:
    """``large``: rows from which a table counts as large."""
    lines = [f"Schemas were compared by {proof.compared_by}.", f"Scratch database: {proof.source}."]
    lines += [f"Not copied: {one}" for one in proof.left_out]
    lines += ["", *_aligned([_HEAD, *(_row(one) for one in proof.revisions)]), ""]
    for one in proof.revisions:
        lines += _details(one, large)
    return "\n".join([*lines, _verdict(proof, large)])


def _row(one: RevisionProof) -> tuple[str, ...]:
    reversible = "no: the upgrade fails" if one.reversible is Reversible.FAILS else str(one.reversible)
    lost = "–" if one.reversible is Reversible.FAILS else _lost(one)
    return one.revision, reversible, lost, locks_in_words(one)


def _lost(one: RevisionProof) -> str:
    if one.lost:
        return ", ".join(one.lost)
    if one.reversible is Reversible.NO:
        return f"{len(one.differences)} lines of the schema differ" if one.differences else "the way back"
    return f"on the way back: {', '.join(one.shed)}" if one.shed else "nothing"


def locks_in_words(one: RevisionProof) -> str:
    """The strongest lock of each table that keeps writers or readers out."""
    held = [f"{_plain(lock.relation)} {lock.mode.removesuffix('Lock')}" for lock in strongest(one.locks)]
    return ", ".join(held) or ("not seen: runs outside a transaction" if one.outside else "none that others wait for")


def strongest(locks: tuple[Lock, ...]) -> tuple[Lock, ...]:
    """One lock a table, the strongest, of those that anybody waits for."""
    best: dict[str, Lock] = {}
    for lock in locks:
        if lock.mode in _HARMLESS:
            continue
        known = best.get(lock.relation)
        if known is None or _STRENGTH.index(lock.mode) > _STRENGTH.index(known.mode):
            best[lock.relation] = lock
    return tuple(best.values())


def _details(one: RevisionProof, large: int) -> Iterator[str]:
    notes = [one.why, one.note, *one.differences]
    if one.outside:
        notes.append("leaves its transaction (autocommit_block): a failure half-way leaves something behind")
    notes += [_blocking(block, large) for block in one.blocks]
    if any(notes):
        yield f"{one.revision} {one.summary.splitlines()[0] if one.summary else ''}".rstrip()
        yield from (f"    {note}" for note in notes if note)
        yield ""


def _blocking(block: Blocking, large: int) -> str:
    size = "rows not known" if block.rows is None else f"{block.rows:,} rows"
    mark = "LARGE: " if block.is_large(large) else ""
    way = "on the way back, " if block.way == "down" else ""
    waiting = "" if block.mode in (*_HARMLESS, "none") else f" under {block.mode.removesuffix('Lock')}"
    return f"{mark}{way}{_WHY[block.why]} {_plain(block.relation)} ({size}){waiting}: {block.statement}"


def _verdict(proof: Proof, large: int) -> str:
    wrong, blocking = proof.irreversible, proof.blocking(large)
    parts = [f"{len(proof.revisions)} revisions tried, {len(wrong)} cannot be undone"]
    parts += [f"{len(blocking)} statements block a table of {large:,} rows or more"] if blocking else []
    return "; ".join(parts) + "."


def _plain(table: str) -> str:
    return table.removeprefix("public.")


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]) - 1)]
    ruled = [rows[0], tuple("-" * len(cell) for cell in rows[0]), *rows[1:]]
    return [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in ruled
    ]
